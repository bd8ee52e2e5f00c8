"""Pipelines in terms that other engines understand: containers, texts, files, loops, and what waits for what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from couler_kfp.cache.cache import KfpCache
from couler_kfp.documents import ROOT
from couler_kfp.portable.collected import Collected
from couler_kfp.portable.components import is_python, portable_operation
from couler_kfp.portable.graphs import portable_graph
from couler_kfp.portable.legality import TABLE
from couler_kfp.portable.platforms import pull_secrets, unsaid
from couler_kfp.portable.types import constant_of, may_be_absent, said_of, text_of, type_of
from couler_plugins.engine_kit.legalize.conditions import outcome
from couler_plugins.engine_kit.legalize.placeholders import is_placeholder
from couler_plugins.engine_kit.legalize.tables import Refusals
from couler_plugins.ir import (
    Argument,
    Axis,
    Bundle,
    Call,
    Graph,
    Literal,
    Loop,
    Native,
    Operation,
    Port,
    Reference,
    Step,
    Workflow,
    call_sites,
    callables,
    fresh_name,
    map_references,
    references,
    replace,
    take_name,
)
from couler_plugins.plan import Decision

# Loops of which some runs go on at a time, as graphs of their own with that much parallelism.

ITEMS = "items"


def with_limits_inside(workflow: Workflow) -> Workflow:
    """The workflow with each limited loop in a graph that only holds this loop; other engines limit graphs."""
    names = set(callables(workflow))
    product: list[Graph] = []

    def changed(step: Step) -> Step:
        if step.loop is None or step.loop.limit is None:
            return step
        outer, graph = _inside(step, take_name(f"{step.name}-limited", names))
        product.append(graph)
        return outer

    graphs = tuple(replace(graph, steps=tuple(map(changed, graph.steps))) for graph in workflow.graphs)
    return replace(workflow, graphs=(*graphs, *product)) if product else workflow


def _inside(step: Step, name: str) -> tuple[Step, Graph]:
    """A call of a new graph, and that graph, which holds the loop."""
    assert step.loop is not None
    (axis,) = step.loop.axes
    outer = [argument for argument in step.arguments if getattr(argument.value, "to", "") != "item"]
    items = axis.values
    if isinstance(items, Reference):
        key = fresh_name(ITEMS, {argument.name for argument in outer})
        outer.append(Argument(name=key, value=items))
        items = Reference(to="input", kind="parameter", name=key)
    passed = {argument.name for argument in outer}
    inner = tuple(
        replace(argument, value=Reference(to="input", kind=argument.kind, name=argument.name))
        if argument.name in passed
        else argument
        for argument in step.arguments
    )
    looped = Step(
        name=step.name,
        call=step.call,
        arguments=inner,
        loop=Loop(axes=(Axis(name=axis.name, values=items),)),
        retry=step.retry,
    )
    inputs = tuple(Port(name=argument.name, kind=argument.kind) for argument in outer)
    graph = Graph(name=name, inputs=inputs, steps=(looped,), parallelism=step.loop.limit)
    return replace(step, call=Call(name=name), arguments=tuple(outer), loop=None, retry=None), graph


def portable(workflow: Workflow, bundle: Bundle) -> tuple[Workflow, tuple[Decision, ...]]:
    """A pipeline as a workflow of containers, without salts and wrappers, and what is not quite the same about it.

    Raises:
        Unsupported: some of it means nothing outside of KFP; all of that is told.
    """
    workflow = KfpCache(workflow).bare  # nobody there would see that what is wrapped was edited
    callees, refusals = callables(workflow), Refusals(TABLE.refusals(workflow, workflow))
    collected = Collected(workflow)
    passed: dict[str, dict[str, Reference]] = {}

    def operation(item: Operation) -> Operation:
        if is_placeholder(item):
            return item
        names = passed.setdefault(item.name, {})
        return portable_operation(item, _presence(item, workflow, callees), collected, names)

    operations = refusals.each(operation, (item for item in workflow.operations if item.name))
    refusals.tell()
    changed = replace(
        workflow,
        operations=operations,
        graphs=tuple(portable_graph(_passing(graph, passed), callees) for graph in workflow.graphs),
        parameters=tuple(map(_parameter, workflow.parameters)),
        native_extra=_secrets(workflow),
    )
    changed = _ending(changed)
    changed = replace(changed, graphs=tuple(map(_with_parameters, changed.graphs)))
    return with_limits_inside(changed), tuple(_notes(workflow, collected))


def _secrets(workflow: Workflow) -> Native | None:
    """The secrets by which images are pulled: other engines have them for all pods of a run."""
    names: list[str] = []
    for operation in workflow.operations:
        names += pull_secrets(operation.name, said_of(operation).get("platforms", {}).get("kubernetes"))
    secrets = [{"name": name} for name in dict.fromkeys(names)]
    return Native.of({"spec": {"imagePullSecrets": secrets}}) if secrets else None


def _passing(graph: Graph, passed: Mapping[str, Mapping[str, Reference]]) -> Graph:
    """The graph, which passes what platform configuration reads around its component."""

    def changed(step: Step) -> Step:
        more = passed.get(getattr(step.call, "name", ""), {})
        arguments = (Argument(name=name, value=value) for name, value in more.items())
        return replace(step, arguments=(*arguments, *step.arguments)) if more else step

    return replace(graph, steps=tuple(map(changed, graph.steps)))


def _ending(workflow: Workflow) -> Workflow:
    """The workflow; what runs at the end of its only task runs at its own end, which every engine has words for."""
    root = next((graph for graph in workflow.graphs if graph.name == ROOT), None)
    if root is None or len(root.steps) != 1 or not root.steps[0].handlers:
        return workflow
    (step,) = root.steps
    (handler,) = step.handlers

    def read(reference: Reference) -> Reference:
        if reference.to == "status":
            return outcome()
        return replace(reference, to="parameter", native="") if reference.to == "input" else reference

    last = replace(handler, step=map_references(replace(handler.step, name=""), read))
    graph = replace(root, steps=(replace(step, handlers=()),))
    graphs = tuple(graph if item is root else item for item in workflow.graphs)
    return replace(workflow, graphs=graphs, handlers=(last,))


def _with_parameters(graph: Graph) -> Graph:
    """The graph; that of the whole pipeline reads the workflow's parameters, which are not passed to it elsewhere."""
    if graph.name != ROOT:
        return graph

    def read(reference: Reference) -> Reference:
        return replace(reference, to="parameter", native="") if reference.to == "input" else reference

    return replace(map_references(graph, read), inputs=())


def _parameter(port: Port) -> Port:
    if port.default is None and not may_be_absent(port):
        return Port(name=port.name)
    return Port(
        name=port.name, value=Literal(value=text_of(None if port.default is None else constant_of(port.default)))
    )


def _texts(rest: Native | None) -> Iterator[str]:
    return (part for part in (() if rest is None else rest.parts) if isinstance(part, str))


def _presence(
    operation: Operation, workflow: Workflow, callees: Mapping[str, Graph | Operation]
) -> dict[str, bool | None]:
    """Which inputs the tasks of a component pass."""
    seen: dict[str, set[bool]] = {}
    for graph in workflow.graphs:
        for step in graph.steps:
            if callees.get(getattr(step.call, "name", "")) is not operation:
                continue
            arguments = {argument.name: argument.value for argument in step.arguments}
            for port in operation.inputs:
                value = arguments.get(port.name)
                absent = isinstance(value, Literal) and value.value is None
                seen.setdefault(port.name, set()).add(port.default is not None or (value is not None and not absent))
    return {name: found.pop() if len(found) == 1 else None for name, found in seen.items()}


def _notes(workflow: Workflow, collected: Collected) -> Iterator[Decision]:
    """What means nearly the same elsewhere."""

    def note(subject: str, action: str, reason: str) -> Decision:
        return Decision(optimizer="kfp", workflow=workflow.label, subject=subject, action=action, reason=reason)

    if any("enableCache" in part for site in call_sites(workflow) for part in _texts(site.step.native_extra)):
        yield note("", "is not cached", "KFP takes results of earlier runs; put `cache` into a pipeline for the result")
    if "defaultPipelineRoot" in said_of(workflow).get("spec", {}):
        yield note(
            "", "keeps artifacts elsewhere", "the pipeline root is KFP's; each engine has a repository of its own"
        )
    for graph in workflow.graphs:
        for step in graph.steps:
            if step.loop is not None and any(isinstance(axis.values, Reference) for axis in step.loop.axes):
                reason = "texts in the list that hold quotes, backslashes or newlines are passed on with escapes"
                yield note(step.name, "loops over what the run gives", reason)
    for operation in workflow.operations:
        for field in unsaid(said_of(operation).get("platforms", {}).get("kubernetes")):
            reason = f"{field} says where its pod runs, and only KFP knows how, or what it is"
            yield msgspec.structs.replace(note(operation.name, "left out", reason), loss="detail")
        read = {item.path[:1] for item in references(operation.containers) if item.kind == "artifact"}
        if ("uri",) in read:
            yield note(operation.name, "reads paths", "the URI of an artifact is its path in the container")
        if any(collected.type_of(operation, port.name) for port in operation.inputs):
            reason = "a list of what the runs of a loop gave is in the order of its items; KFP says nothing of that"
            yield note(operation.name, "collects what a loop gives", reason)
        if any(type_of(port) == "TASK_FINAL_STATUS" for port in operation.inputs):
            reason = "of the final status of a task it is given the state alone, SUCCEEDED or FAILED"
            yield note(operation.name, "is given a status", reason)
        kinds = {type_of(output) for output in operation.outputs if output.kind == "parameter"}
        if not is_python(operation) and "STRING" in kinds:
            reason = "KFP keeps a newline at the end of a parameter, and others take it off"
            yield note(operation.name, "loses a newline at the end", reason)
        if any(port.kind == "artifact" for port in operation.inputs) and is_python(operation):
            reason = "the metadata of artifacts is not passed on, and their URI is a path in the container"
            yield note(operation.name, "is given artifacts without metadata", reason)
