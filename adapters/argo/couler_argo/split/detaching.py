"""Takes graphs out of a workflow, which becomes the small parent that starts each as soon as what it needs is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from couler_argo.split.call_graph import reached
from couler_argo.split.crossing import Place, place_of
from couler_argo.split.part_spec import parent_rest
from couler_argo.split.parts import RUN_ID, Part
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
    map_references,
    references,
    remove_callables,
    replace,
    replace_callables,
)
from couler_plugins.plan import Link

__all__ = ["Detached", "detach", "links"]


class Detached(NamedTuple):
    """A workflow and what has left it.

    Attributes:
        parent: the workflow, with a step for each part.
        parts: in the order of their graphs.
    """

    parent: Workflow
    parts: tuple[Part, ...]


def detach(workflow: Workflow, entry: str, graphs: Iterable[str]) -> Detached:
    """Takes graphs out of a workflow, each with all that it calls.

    Args:
        workflow: the workflow.
        entry: the graph whose steps call them, one step each.
        graphs: their names.
    """
    by_name = callables(workflow)
    outer = by_name[entry]
    assert isinstance(outer, Graph)
    parts: dict[str, Part] = {}
    contents: set[str] = set()
    names = set(by_name)
    for name in graphs:
        body = by_name[name]
        assert isinstance(body, Graph)
        content = reached(by_name, [Step(name="", call=Call(name=name))])
        contents |= content
        places = _places(by_name, outer, name)
        part = Part(workflow, body, (item for item in by_name.values() if item.name in content), places, names)
        names.add(part.runner.name)
        parts[name] = part
    called = {
        step.name: parts[step.call.name]
        for step in outer.steps
        if isinstance(step.call, Call) and step.call.name in parts
    }
    runners = [part.runner for part in parts.values()]
    parent = replace_callables(workflow, {entry: _with_parts(outer, called)}, runners)
    used = reached(callables(parent), [parent.entry, *(handler.step for handler in parent.handlers)])
    parent = remove_callables(parent, contents - used)
    alone = {item.name for item in parent.operations} == {runner.name for runner in runners}
    parent = replace(
        parent, parameters=_with_identity(parent.parameters), native_extra=parent_rest(parent, entry, alone)
    )
    return Detached(parent, tuple(parts.values()))


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


def links(parent: Workflow, entry: str, parts: Iterable[Part]) -> tuple[Link, ...]:
    """What crosses between the parts that a parent runs."""
    outer = callables(parent)[entry]
    assert isinstance(outer, Graph)
    by_runner = {part.runner.name: part for part in parts}
    called = {
        step.name: by_runner[step.call.name]
        for step in outer.steps
        if isinstance(step.call, Call) and step.call.name in by_runner
    }
    links: list[Link] = []
    for step in outer.steps:
        consumer = called.get(step.name)
        kinds = {name: kind for (kind, _), name in consumer.inputs.items()} if consumer is not None else {}
        for argument in step.arguments if consumer is not None else ():
            for reference in references(argument.value):
                producer = called.get(reference.step)
                if producer is not None and consumer is not None:
                    links.append(
                        Link(
                            producer=producer.name,
                            output=reference.name,
                            consumer=consumer.name,
                            input=argument.name,
                            kind=kinds.get(argument.name, "parameter"),
                        )
                    )
    return tuple(links)
