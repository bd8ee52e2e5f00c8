"""Takes graphs out of a workflow, which becomes the small parent that starts each as soon as what it needs is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from couler_argo.split.part_spec import RUN_ID, Place, parent_rest, place_of
from couler_argo.split.parts import Part
from couler_plugins.ir import (
    Argument,
    Call,
    Graph,
    Literal,
    Operation,
    Port,
    Reference,
    Step,
    Workflow,
    callables,
    callees_of,
    graph_of,
    map_references,
    remove_callables,
    replace,
    replace_callables,
)


def detach(workflow: Workflow, entry: str, graphs: Iterable[str]) -> tuple[Workflow, tuple[Part, ...]]:
    """Takes graphs out of a workflow, each with all that it calls.

    Args:
        workflow: the workflow.
        entry: the graph whose steps call them, one step each.
        graphs: their names.

    Returns:
        The workflow, with a step for each part; and the parts, in the order of their graphs.
    """
    by_name = callables(workflow)
    outer = graph_of(workflow, entry)
    parts: dict[str, Part] = {}
    contents: set[str] = set()
    names = set(by_name)
    for name in graphs:
        content = callees_of([Step(name="", call=Call(name=name))], by_name)
        contents |= content.keys()
        places = _places(by_name, outer, name)
        items = (item for item in by_name.values() if item.name in content)
        part = Part(workflow, graph_of(workflow, name), items, places, names)
        names.add(part.runner.name)
        parts[name] = part
    called = {
        step.name: parts[step.call.name]
        for step in outer.steps
        if isinstance(step.call, Call) and step.call.name in parts
    }
    runners = [part.runner for part in parts.values()]
    parent = replace_callables(workflow, {entry: _with_parts(outer, called)}, runners)
    starts = [*filter(None, [parent.entry]), *(handler.step for handler in parent.handlers)]
    parent = remove_callables(parent, contents - callees_of(starts, callables(parent)).keys())
    alone = {item.name for item in parent.operations} == {runner.name for runner in runners}
    parent = replace(
        parent, parameters=_with_identity(parent.parameters), native_extra=parent_rest(parent, entry, alone)
    )
    return parent, tuple(parts.values())


def _with_identity(ports: Iterable[Port]) -> tuple[Port, ...]:
    """The parameters of a workflow, and the one that names a run; what starts parts already has it."""
    parameters = {port.name: port for port in ports if port.kind == "parameter"}
    artifacts = [port for port in ports if port.kind != "parameter"]
    parameters.setdefault(RUN_ID, Port(name=RUN_ID, value=Literal(value="")))
    return (*parameters.values(), *artifacts)


def _places(by_name: Mapping[str, Graph | Operation], outer: Graph, name: str) -> dict[str, Place]:
    """Where the artifacts lie that a part is passed; what cannot cross has been bonded before."""
    places = {}
    for step in outer.steps:
        if isinstance(step.call, Call) and step.call.name == name:
            for argument in step.arguments:
                if argument.kind == "artifact" and isinstance(argument.value, Reference):
                    place = place_of(by_name, outer, argument.value)
                    assert not isinstance(place, str), place
                    places[argument.name] = place
    return places


def _with_parts(outer: Graph, called: Mapping[str, Part]) -> Graph:
    """The graph with its steps calling what runs the parts; what parts make is read from those, artifacts by keys."""

    def crossing(reference: Reference) -> Reference:
        part = called.get(reference.step)
        if part is None or reference.kind != "artifact":
            return reference
        return replace(reference, kind="parameter", name=part.outputs["artifact", reference.name], native="")

    def running(step: Step) -> Step:
        part = called.get(step.name)
        if part is None:
            return map_references(step, crossing)
        extra = tuple(Argument(name=name, value=reference) for name, reference in part.extra.items())
        own = tuple(
            Argument(name=part.inputs[argument.kind, argument.name], value=map_references(argument.value, crossing))
            for argument in step.arguments
        )
        return replace(step, call=Call(name=part.runner.name), arguments=(*extra, *own))

    rest = map_references(replace(outer, steps=()), crossing)
    return replace(rest, steps=tuple(map(running, outer.steps)))
