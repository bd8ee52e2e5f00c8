"""A workflow of another engine as a pipeline, in the IR's terms that KFP's writer knows."""

from __future__ import annotations

from collections.abc import Iterator

from couler_kfp.documents import ROOT
from couler_kfp.generating.components import component_of, function_component
from couler_kfp.generating.graphs import Graphs
from couler_kfp.generating.legality import TABLE
from couler_kfp.tasks import COMPLETED
from couler_plugins.engine_kit.legalize.native_fields import HOUSEKEEPING, fields_of
from couler_plugins.engine_kit.legalize.passes import (
    as_label,
    reached,
    with_image,
    with_parameters_passed,
    without_idle_limits,
)
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.engine_kit.legalize.tables import Refusals
from couler_plugins.ir import (
    Call,
    Graph,
    Native,
    Need,
    Operation,
    Output,
    Reference,
    Step,
    Workflow,
    callables,
    fresh_name,
    map_references,
    replace,
)
from couler_plugins.plan import Decision

MAX_NAME = 128
SDK = "kfp-2.5.0"
"""Some version has to stand there; backends look whether it begins like this."""


def pipeline_of(workflow: Workflow, image: str = "") -> tuple[Workflow, tuple[Decision, ...]]:
    """Return a workflow as a pipeline, and what is not quite the same about it.

    Args:
        workflow: it has no origin.
        image: for containers that say none.

    Raises:
        Unsupported: it has something that KFP has no words for.
    """
    whole = without_idle_limits(reached(with_parameters_passed(with_image(workflow, image))))
    graphs = tuple(
        replace(graph, outputs=tuple(output for output in graph.outputs if not _is_computed(output)))
        for graph in whole.graphs
    )
    closed = replace(whole, graphs=graphs)
    root = _root(closed)
    TABLE.check(workflow, replace(closed, entry=None, handlers=(), graphs=(*root, *graphs)))
    callees = callables(closed)
    names = {"": ROOT}
    for name in callees:
        names[name] = fresh_name(f"comp-{as_label(name)}", names.values())
    refusals = Refusals()
    dags = Graphs(callees, names, refusals)
    for graph in (*graphs, *root):
        dags.add(graph)
    main = dags.graphs.pop()
    operations = refusals.each(lambda item: _component(item, names[item.name], dags), closed.operations)
    refusals.tell()
    pipeline = Workflow(
        engine="kfp",
        kind="PipelineSpec",
        name=as_label(workflow.name or workflow.prefix or "workflow", MAX_NAME),
        parameters=main.inputs,
        entry=Step(name=ROOT, call=Call(name=ROOT)),
        graphs=(_finishing(main, closed), *dags.graphs),
        operations=operations,
        native_extra=Native.of({"spec": {"sdkVersion": SDK}}),
    )
    return pipeline, tuple(_losses(workflow, whole))


def _is_computed(output: Output) -> bool:
    """Return whether an output of a graph is more than one of a task in it."""
    plain = output.exported is None and output.default is None and isinstance(output.value, Reference)
    return output.kind == "parameter" and not (plain and output.value.step)  # type: ignore[union-attr]


def _component(operation: Operation, name: str, graphs: Graphs) -> Operation:
    function = function_of(operation)
    if function is not None:
        return function_component(operation, function, name, shelter=graphs.types.all_functions)
    return component_of(operation, name, is_printed=operation.name in graphs.printed)


def _root(workflow: Workflow) -> tuple[Graph, ...]:
    """Return the pipeline itself: it calls what the workflow starts with, and what runs at its end."""
    if workflow.entry is None:
        return ()

    def inside(step: Step, name: str) -> Step:
        return map_references(
            replace(step, name=name), lambda item: replace(item, to="input") if item.to == "parameter" else item
        )

    callee = callables(workflow).get(getattr(workflow.entry.call, "name", ""))
    first = inside(workflow.entry, callee.name if callee is not None else "main")
    last = [
        inside(handler.step, fresh_name(handler.step.name or "exit", {first.name})) for handler in workflow.handlers
    ]
    outputs = () if callee is None or last else callee.outputs
    return (
        Graph(
            name="",
            inputs=tuple(replace(port, native_extra=None) for port in workflow.parameters),
            outputs=tuple(
                Output(name=item.name, value=Reference(to="output", kind="parameter", step=first.name, name=item.name))
                for item in outputs
                if item.kind == "parameter"
            ),
            steps=(first, *last),
        ),
    )


def _finishing(root: Graph, workflow: Workflow) -> Graph:
    """Return the pipeline, its handler waiting for the end of the rest."""
    if not workflow.handlers:
        return root
    first, last = root.steps
    return replace(root, steps=(first, replace(last, needs=Need(step=first.name, outcomes=COMPLETED))))


def _losses(workflow: Workflow, whole: Workflow) -> Iterator[Decision]:
    """Yield what a pipeline does not say, and does not have to."""

    def note(subject: str, reason: str) -> Decision:
        return Decision(optimizer="kfp", workflow=workflow.label, subject=subject, action="left out", reason=reason)

    rest = fields_of(workflow.native_extra)
    if workflow.namespace:
        yield note("", f"the run decides on its namespace, and not {workflow.namespace}")
    if rest.get("metadata"):
        yield note("", "a pipeline has no labels and no annotations")
    for key in HOUSEKEEPING:
        if key in rest.get("spec", {}):
            yield note("", f"it has {key}, which cannot be written for KFP")
    for port in workflow.parameters:
        if port.native_extra is not None:
            yield note(port.name, "a pipeline says no more of a parameter than its type")
    for graph in whole.graphs:
        for output in filter(_is_computed, graph.outputs):
            yield note(graph.name, f"KFP cannot compute its output {output.name!r}, and no step reads it")
