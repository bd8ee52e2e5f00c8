"""Takes graphs out of a pipeline; what is left of it has a custom task for each part, in place of that part's tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from couler_plugins.ir import (
    Argument,
    Graph,
    Native,
    Output,
    Port,
    Reference,
    Step,
    Workflow,
    callables,
    map_references,
    move_into_graphs,
    replace,
)
from couler_tekton.mappings import Mapped
from couler_tekton.split.finalizing import Finalizing
from couler_tekton.split.names import calling
from couler_tekton.split.parts import part_name, part_of, workspaces_of
from couler_tekton.split.resolved_pipeline import ROOT, Whole, core_of
from couler_tekton.split.typing import STRING, entire, port_type, typed_port
from couler_tekton.variables import Scope, write_value

__all__ = ["Detached", "detach"]


class Detached(NamedTuple):
    """A pipeline and what has left it.

    Attributes:
        coordinator: what is left of it.
        parts: in the order of their graphs; those that run at the end come last.
    """

    coordinator: Workflow
    parts: tuple[Workflow, ...]


def detach(original: Workflow, whole: Whole, parts: Mapping[str, Iterable[str]]) -> Detached:
    """Takes graphs out of a pipeline, each with all that it calls.

    Args:
        original: the workflow as it was.
        whole: the same as it is to be cut.
        parts: the names of each part's steps, by the name of the part.
    """
    old = callables(original)[ROOT]
    assert isinstance(old, Graph)
    moved = move_into_graphs(whole.workflow, ROOT, {name: tuple(steps) for name, steps in parts.items()})
    whole = whole._replace(workflow=moved.workflow)
    by_name, called = callables(moved.workflow), {step.name: step for step in whole.root.steps}
    results: dict[tuple[str, str], Mapped] = {}
    for name in parts:
        for output in by_name[name].outputs:
            assert isinstance(output.value, Reference)
            declared = whole.types.of(output.value.step, output.value.name) or STRING
            results[moved.steps[name], output.name] = declared
    defined = {port.name: port for port in whole.root.inputs}
    graphs: list[Graph] = []
    steps: list[Step] = []
    for name in parts:
        graph, step = by_name[name], called[moved.steps[name]]
        assert isinstance(graph, Graph)
        inputs = tuple(_input(argument, defined, results) for argument in step.arguments)
        outputs = tuple(_output(output, str(results[step.name, output.name]["type"])) for output in graph.outputs)
        graphs.append(replace(graph, inputs=inputs, outputs=outputs))
        steps.append(step)
    ending = Finalizing(whole, old.outputs)
    last = ending.parts()
    whole = ending.whole

    def outside(reference: Reference) -> Reference:
        """A value as what is left of the pipeline spells it."""
        if reference.to == "input" and reference.name in whole.facts:
            return Reference(to="run", name=whole.facts[reference.name])
        if reference.to == "input" and reference.name in defined:
            return entire(reference, port_type(defined[reference.name]))
        if reference.to == "output":
            return entire(reference, str(results[reference.step, reference.name]["type"]))
        return reference

    every = [*graphs, *(final.graph for final in last)]
    callers = [
        _caller(map_references(step, outside), graph, whole)
        for step, graph in zip([*steps, *(final.step for final in last)], every, strict=True)
    ]
    own = {output.name: output for output in whole.root.outputs}
    outputs_made = tuple(
        own.get(output.name) or map_references(output, lambda item: _of_final(item, ending.handed))
        for output in old.outputs
    )
    of_run = [port for port in whole.root.inputs[len(old.inputs) :] if port.name not in whole.facts]
    root = replace(
        old,
        inputs=(*old.inputs, *(replace(port, optional=old.inline) for port in of_run)),
        steps=tuple(callers),
        finalizers=tuple(final.step.name for final in last),
        outputs=outputs_made,
        native_extra=_declaring(old, workspaces_of(whole, tuple(step for graph in every for step in graph.steps))),
    )
    coordinator = replace(original, graphs=(root,), operations=())
    return Detached(coordinator, tuple(part_of(whole, graph) for graph in every))


def _caller(step: Step, graph: Graph, whole: Whole) -> Step:
    """The task that stands for a part, with the workspaces that the part has."""
    uses = [{"name": item["name"], "workspace": item["name"]} for item in workspaces_of(whole, graph.steps)]
    call = calling(part_name(whole.workflow, graph.name))
    return replace(step, call=call, native_extra=Scope().rest({"workspaces": uses} if uses else {}), source=None)


def _output(output: Output, kind: str) -> Output:
    """A result of a part, declared as what it is."""
    assert isinstance(output.value, Reference)
    rest = Scope().rest({} if kind == "string" else {"type": kind})
    return replace(output, value=entire(output.value, kind), native_extra=rest)


def _input(argument: Argument, defined: Mapping[str, Port], results: Mapping[tuple[str, str], Mapped]) -> Port:
    """A parameter of a part, declared as what it is given."""
    assert isinstance(argument.value, Reference)
    if argument.value.to == "output":
        return typed_port(argument.name, results[argument.value.step, argument.value.name])
    return replace(defined[argument.value.name], name=argument.name)


def _of_final(reference: Reference, handed: Mapping[Reference, Reference]) -> Reference:
    found = handed.get(core_of(reference))
    return reference if found is None else replace(found, path=reference.path)


def _declaring(root: Graph, workspaces: list[Mapped]) -> Native | None:
    """What else a pipeline says, with these workspaces declared where they were not."""
    said = write_value(root.native_extra) if root.native_extra else {}
    names = {item.get("name") for item in said.get("workspaces") or ()}
    beside = [item for item in workspaces if item["name"] not in names]
    if not beside:
        return root.native_extra
    return Scope().rest({**said, "workspaces": [*(said.get("workspaces") or ()), *beside]})
