"""Takes graphs out of a pipeline; what is left of it has a custom task for each part, in place of that part's tasks.

Tasks of `finally` become parts that run at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from couler_plugins.documents.mappings import Mapped, by_key
from couler_plugins.ir import (
    Argument,
    Call,
    Graph,
    Native,
    Output,
    Port,
    Reference,
    Step,
    Workflow,
    callables,
    fresh_name,
    graph_of,
    inline_callees,
    map_references,
    move_into_graphs,
    references,
    replace,
    replace_callables,
    take_name,
)
from couler_tekton.cache.declared import entries, rest_of
from couler_tekton.split.parts import part_name, part_of, workspaces_of
from couler_tekton.split.resolved_pipeline import ROOT, STRING, Whole, calling, core_of, entire, port_type, typed_port
from couler_tekton.variables import Scope

# The parts that run at the end. Those finalizers that read the same results are in one part: Tekton leaves out who
# reads a result that is not there, and nobody else (`docs/pipelines.md`, "Consuming Task execution results in
# finally").

FINALLY = "finally"
"""What the parts are called that run at the end, before their numbers from the second on."""
STATUS = "tasks.status"


class Final(NamedTuple):
    """A part that runs at the end.

    Attributes:
        step: what stands for it.
        graph: what it does.
    """

    step: Step
    graph: Graph


class Finalizing:
    """Makes parts of finalizers.

    Args:
        whole: what they are of, its other steps moved into their parts by now.
        results: the results of the whole, which may be theirs.

    Attributes:
        whole: the same, with what is written in the finalizers as it is in their parts.
        handed: where the results of finalizers are that the whole hands out.
    """

    def __init__(self, whole: Whole, results: tuple[Output, ...]) -> None:
        self.whole = whole
        self.handed: dict[Reference, Reference] = {}
        self._wanted = [core_of(item) for item in references(results)]
        self._made = {output.name: output.value for output in whole.root.outputs}
        self._defined = {port.name: port for port in whole.root.inputs}
        self._status = fresh_name("tasks-status", self._defined)

    def parts(self) -> list[Final]:
        """The parts, in the order of their first steps."""
        names = {*callables(self.whole.workflow), *(step.name for step in self.whole.root.steps)}
        return [self._part(take_name(FINALLY, names), steps) for steps in self._groups()]

    def _groups(self) -> Iterator[list[Step]]:
        by_name = callables(self.whole.workflow)

        def read(step: Step) -> frozenset[Reference]:
            own = references((step, inline_callees(step, by_name)))
            return frozenset(map(core_of, own)).intersection(self.whole.reads)

        yield from by_key((read(step), step) for step in self.whole.finalizers).values()

    def _part(self, name: str, steps: list[Step]) -> Final:
        passed: dict[str, tuple[Port, Reference]] = {}

        def inside(reference: Reference) -> Reference:
            port = self._passed(reference, passed)
            return (
                reference
                if port is None
                else Reference(to="input", kind="parameter", name=port, path=reference.path, native="")
            )

        by_name = callables(self.whole.workflow)
        inner = {item.name: map_references(item, inside) for step in steps for item in inline_callees(step, by_name)}
        self.whole = self.whole._replace(workflow=replace_callables(self.whole.workflow, inner))
        mapped = tuple(map_references(step, inside) for step in steps)
        graph = Graph(
            name=name,
            inputs=tuple(port for port, _ in passed.values()),
            outputs=tuple(self._outputs(name, {step.name for step in steps})),
            steps=mapped,
        )
        arguments = tuple(Argument(name=port.name, value=value) for port, value in passed.values())
        return Final(Step(name=name, call=Call(name=name), arguments=arguments), graph)

    def _passed(self, reference: Reference, passed: dict[str, tuple[Port, Reference]]) -> str | None:
        """The parameter in which a part has what this refers to; None where it finds that by itself."""
        core = core_of(reference)
        if core in self.whole.reads:
            name = self.whole.reads[core]
            value = self._made[name]
            assert isinstance(value, Reference)
            passed[name] = (typed_port(name, self.whole.types.of(core.step, core.name) or STRING), value)
            return name
        if reference.to == "input" and reference.name in self._defined:
            passed[reference.name] = (self._defined[reference.name], core)
            return None
        if reference.to == "run" and reference.name == STATUS:
            passed[self._status] = (Port(name=self._status), core)
            return self._status
        return None

    def _outputs(self, part: str, steps: set[str]) -> Iterator[Output]:
        """The results of these steps that the whole hands out."""
        names: set[str] = set()
        for core in dict.fromkeys(item for item in self._wanted if item.step in steps):
            name = take_name(f"{core.step}-{core.name}", names)
            self.handed[core] = Reference(to="output", kind="parameter", step=part, name=name)
            kind = str((self.whole.types.of(core.step, core.name) or STRING)["type"])
            rest = Scope().rest({} if kind == "string" else {"type": kind})
            yield Output(name=name, value=entire(core, kind), native_extra=rest)


def detach(
    original: Workflow, whole: Whole, parts: Mapping[str, Iterable[str]]
) -> tuple[Workflow, tuple[Workflow, ...]]:
    """Takes graphs out of a pipeline, each with all that it calls.

    Args:
        original: the workflow as it was.
        whole: the same as it is to be cut.
        parts: the names of each part's steps, by the name of the part.

    Returns:
        What is left of it; and the parts, in the order of their graphs: those that run at the end come last.
    """
    old = graph_of(original, ROOT)
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
        graph, step = graph_of(moved.workflow, name), called[moved.steps[name]]
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
    return coordinator, tuple(part_of(whole, graph) for graph in every)


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
    said = rest_of(root)
    declared = entries(said, "workspaces")
    names = {item.get("name") for item in declared}
    beside = [item for item in workspaces if item["name"] not in names]
    return Scope().rest({**said, "workspaces": [*declared, *beside]}) if beside else root.native_extra
