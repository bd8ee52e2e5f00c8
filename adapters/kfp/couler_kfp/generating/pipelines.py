"""A workflow of another engine as a pipeline, in the IR's terms that KFP's writer knows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from couler_kfp.generating.bodies import component_of, text_port
from couler_kfp.generating.functions import function_component
from couler_kfp.generating.graphs import Graphs
from couler_kfp.generating.refusing import refuse
from couler_kfp.pipelines import ROOT
from couler_kfp.tasks import COMPLETED
from couler_plugins.engine_kit.legalize.parameters import with_parameters_passed
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.engine_kit.legalize.recursion import WAY_OUT, into_circle
from couler_plugins.ir import (
    Call,
    Container,
    Graph,
    Literal,
    Native,
    Need,
    Node,
    Operation,
    Output,
    Reference,
    Step,
    Workflow,
    callables,
    fresh_name,
    rebuild,
    references,
    replace,
)
from couler_plugins.plan import Decision

__all__ = ["pipeline_of"]

OTHER = re.compile(r"[^a-z0-9]+")
MAX_NAME = 128
HOUSEKEEPING = (
    "archiveLogs",
    "artifactGC",
    "failedJobsHistoryLimit",
    "podGC",
    "successfulJobsHistoryLimit",
    "ttlStrategy",
    "workflowMetadata",
)
"""Fields that say nothing of what is run."""
SDK = "kfp-2.5.0"
"""Some version has to stand there; backends look whether it begins like this."""


def pipeline_of(workflow: Workflow, image: str = "") -> tuple[Workflow, tuple[Decision, ...]]:
    """A workflow as a pipeline, and what is not quite the same about it.

    Args:
        workflow: it has no origin.
        image: for containers that say none.

    Raises:
        Unsupported: it has something that KFP has no words for.
    """
    if workflow.entry is None:
        hint = "convert a workflow that calls it"
        raise refuse("Workflow.entry", workflow.label, "is a library: nothing in it runs by itself", hint)
    if circle := into_circle(workflow):
        step, callee = circle
        raise refuse("Step.call", step, f"calls {callee!r}, which calls itself: components of KFP cannot", WAY_OUT)
    notes = list(_losses(workflow))
    closed = with_parameters_passed(_with_images(workflow, image))
    callees = _reached(closed)
    names = _names(callees)
    graphs = Graphs(callees, names)
    for item in callees.values():
        if isinstance(item, Graph):
            graphs.add(item)
    root = graphs.add(_root(closed, callees))
    graphs.graphs.pop()
    components = [
        _component(item, names[item.name], graphs) for item in callees.values() if isinstance(item, Operation)
    ]
    for graph, output in graphs.lost:
        notes.append(
            _note(workflow, graph, "left out", f"KFP cannot compute its output {output!r}, and no step reads it")
        )
    found_name = OTHER.sub("-", (workflow.name or workflow.prefix or "workflow").lower()).strip("-")[:MAX_NAME]
    pipeline = Workflow(
        engine="kfp",
        kind="PipelineSpec",
        name=found_name,
        parameters=root.inputs,
        entry=Step(name=ROOT, call=Call(name=ROOT)),
        graphs=(_finishing(root, closed), *graphs.graphs),
        operations=tuple(components),
        native_extra=Native.of({"spec": {"sdkVersion": SDK}}),
    )
    return pipeline, tuple(notes)


def _component(operation: Operation, name: str, graphs: Graphs) -> Operation:
    function = function_of(operation)
    if function is not None:
        return function_component(operation, function, name, shelter=graphs.types.all_functions)
    return component_of(operation, name, is_printed=operation.name in graphs.printed)


def _with_images(workflow: Workflow, image: str) -> Workflow:
    def change(node: Node) -> Node:
        is_bare = isinstance(node, Container) and node.image is None
        return replace(node, image=Literal(value=image)) if is_bare and image else node

    return rebuild(workflow, change)


def _reached(workflow: Workflow) -> dict[str, Graph | Operation]:
    """What the entry and the handlers call, and what that calls."""
    by_name = callables(workflow)
    assert workflow.entry is not None
    pending = [workflow.entry, *(handler.step for handler in workflow.handlers)]
    callees: dict[str, Graph | Operation] = {}
    while pending:
        name = getattr(pending.pop().call, "name", "")
        if name in by_name and name not in callees:
            item = callees[name] = by_name[name]
            pending += item.steps if isinstance(item, Graph) else ()
    return {name: item for name, item in by_name.items() if name in callees}


def _is_function(callee: Graph | Operation) -> bool:
    return isinstance(callee, Operation) and function_of(callee) is not None


def _names(callees: dict[str, Graph | Operation]) -> dict[str, str]:
    names: dict[str, str] = {"": ROOT}
    for name in callees:
        names[name] = fresh_name(f"comp-{OTHER.sub('-', name.lower()).strip('-')}", names.values())
    return names


def _root(workflow: Workflow, callees: dict[str, Graph | Operation]) -> Graph:
    """The pipeline itself: it calls what the workflow starts with, and what runs at its end."""
    assert workflow.entry is not None
    ports = tuple(text_port(replace(port, native_extra=None), workflow.label) for port in workflow.parameters)

    def inside(step: Step, name: str) -> Step:
        def read(node: Node) -> Node:
            if isinstance(node, Reference) and node.to == "parameter":
                return replace(node, to="input")
            return node

        return rebuild(replace(step, name=name), read)

    callee = callees.get(getattr(workflow.entry.call, "name", ""))
    steps = [inside(workflow.entry, callee.name if callee is not None else "main")]
    outputs: tuple[Output, ...] = ()
    if callee is not None and not workflow.handlers:
        outputs = tuple(
            Output(name=item.name, value=Reference(to="output", kind="parameter", step=steps[0].name, name=item.name))
            for item in callee.outputs
            if item.kind == "parameter"
            and (item.path is not None or isinstance(item.value, Reference) or _is_function(callee))
        )
    if len(workflow.handlers) > 1:
        raise refuse("Workflow.handlers", workflow.label, "has hooks beside an exit handler")
    for handler in workflow.handlers:
        read = any(item.to != "parameter" for item in references(handler.step))
        if handler.event != "exit" or handler.condition is not None or read:
            raise refuse("Workflow.handlers", handler.step.name, "runs on an event, or reads how the run went")
        steps.append(inside(handler.step, fresh_name(handler.step.name or "exit", {steps[0].name})))
    return Graph(name="", inputs=ports, outputs=outputs, steps=tuple(steps))


def _finishing(root: Graph, workflow: Workflow) -> Graph:
    """The pipeline, its handler waiting for the end of the rest."""
    if not workflow.handlers:
        return root
    first, last = root.steps
    return replace(root, steps=(first, replace(last, needs=Need(step=first.name, outcomes=COMPLETED))))


def _losses(workflow: Workflow) -> Iterator[Decision]:
    """What a pipeline does not say, and does not have to."""
    if workflow.native_extra is not None and any(references(workflow.native_extra)):
        raise refuse("Workflow.native_extra", workflow.label, "says of all its pods what only the run knows")
    rest = {} if workflow.native_extra is None else dict(workflow.native_extra.data)
    spec = dict(rest.pop("spec", {}))
    if workflow.kind == "CronWorkflow":
        hint = "convert its workflow, and make a recurring run of the pipeline"
        raise refuse("Workflow.kind", workflow.label, "has a schedule, which a pipeline does not have", hint)
    if workflow.namespace:
        yield _note(workflow, "", "left out", f"the run decides on its namespace, and not {workflow.namespace}")
    if rest.pop("metadata", None):
        yield _note(workflow, "", "left out", "a pipeline has no labels and no annotations")
    for key in HOUSEKEEPING:
        if spec.pop(key, None) is not None:
            yield _note(workflow, "", "left out", f"it says {key}, which a pipeline has no place for")
    if rest or spec:
        name = min([*rest, *(f"spec.{key}" for key in spec)])
        raise refuse("Workflow.native_extra", workflow.label, f"has {name}, which no pipeline has")
    for port in workflow.parameters:
        if port.native_extra is not None:
            yield _note(workflow, port.name, "left out", "a pipeline says no more of a parameter than its type")


def _note(workflow: Workflow, subject: str, action: str, reason: str) -> Decision:
    return Decision(optimizer="kfp", workflow=workflow.label, subject=subject, action=action, reason=reason)
