"""The parts that run at the end. Those finalizers that read the same results are in one part: Tekton leaves out who
reads a result that is not there, and nobody else (`docs/pipelines.md`, "Consuming Task execution results in finally").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from couler_plugins.ir import (
    Argument,
    Call,
    Graph,
    Output,
    Port,
    Reference,
    Step,
    callables,
    fresh_name,
    inline_callees,
    map_references,
    references,
    replace_callables,
)
from couler_tekton.split.resolved_pipeline import Whole, core_of
from couler_tekton.split.typing import STRING, entire, typed_port
from couler_tekton.variables import Scope

__all__ = ["FINALLY", "Final", "Finalizing"]

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
        parts_made = []
        for steps in self._groups():
            name = fresh_name(FINALLY, names)
            names.add(name)
            parts_made.append(self._part(name, steps))
        return parts_made

    def _groups(self) -> Iterator[list[Step]]:
        groups: dict[frozenset[Reference], list[Step]] = {}
        by_name = callables(self.whole.workflow)
        for step in self.whole.finalizers:
            read = references((step, inline_callees(step, by_name)))
            groups.setdefault(frozenset(map(core_of, read)).intersection(self.whole.reads), []).append(step)
        yield from groups.values()

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
            name = fresh_name(f"{core.step}-{core.name}", names)
            names.add(name)
            self.handed[core] = Reference(to="output", kind="parameter", step=part, name=name)
            kind = str((self.whole.types.of(core.step, core.name) or STRING)["type"])
            rest = Scope().rest({} if kind == "string" else {"type": kind})
            yield Output(name=name, value=entire(core, kind), native_extra=rest)
