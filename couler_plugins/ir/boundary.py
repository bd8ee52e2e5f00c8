"""What crosses the boundary of steps that move into a graph of their own: each value an input or an output of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from couler_plugins.errors import Unsupported
from couler_plugins.ir.base import replace
from couler_plugins.ir.edits import fresh_name
from couler_plugins.ir.ends import EMPTY, Ends
from couler_plugins.ir.ports import Argument, Output, Port, PortKind
from couler_plugins.ir.values import Expression, FirstOf, Reference
from couler_plugins.ir.walk import nodes, references
from couler_plugins.ir.workflow import Graph, Operation, Step

__all__ = ["Boundary"]


class Boundary:
    """Collects what crosses, and rewrites references on both sides.

    Args:
        engine: for error messages.
        graph: the graph as it was.
        names: the steps that move.
        outer: the name of the step that will call the new graph.
        inline: what is written inside each step, by its name.
        ends: how the steps may end other than well, those that move once the new graph runs.
        sure: the steps that have succeeded once it runs.
    """

    def __init__(
        self,
        engine: str,
        graph: Graph,
        names: frozenset[str],
        outer: str,
        inline: Mapping[str, tuple[Graph | Operation, ...]],
        ends: Ends,
        sure: Collection[str],
    ) -> None:
        self._engine = engine
        self._graph = graph
        self._names = names
        self._outer = outer
        self._ends = ends
        self._sure = sure
        self._own_inputs: dict[str, list[Port]] = {}
        for port in graph.inputs:
            self._own_inputs.setdefault(port.name, []).append(port)
        inside = [(step, inline[step.name]) for step in graph.steps if step.name in names]
        self._taken_inputs = {reference.name for reference in references(tuple(inside)) if reference.to == "input"}
        self._passed: dict[tuple[str, str], tuple[Port, Reference]] = {}
        self._taken_outputs: set[str] = set()
        self._handed: dict[tuple[str, str], Output] = {}
        self._ports: dict[Reference, str] = {}
        self._refuse_guarded(inside, inline)

    def inward(self, reference: Reference) -> Reference:
        """A reference of a moved step, as it reads inside the new graph."""
        if reference.to == "input":
            self._pass_on(reference)
        elif reference.step and reference.step not in self._names:
            core = self._core(reference)
            if core not in self._ports:
                self._ports[core] = self._fresh(core, self._taken_inputs)
                port = Port(name=self._ports[core], kind=_port_kind(core))
                self._passed[port.kind, port.name] = (port, core)
            return Reference(to="input", name=self._ports[core], kind=_port_kind(core), path=reference.path)
        return reference

    def outward(self, reference: Reference) -> Reference:
        """A reference of what stays, as it reads once the steps have moved."""
        if reference.step not in self._names:
            return reference
        core = self._core(reference)
        if core not in self._ports:
            self._ports[core] = self._fresh(core, self._taken_outputs)
            output = Output(name=self._ports[core], kind=_port_kind(core), value=core)
            self._handed[output.kind, output.name] = output
        return Reference(
            to="output", step=self._outer, kind=_port_kind(core), name=self._ports[core], path=reference.path
        )

    def inputs(self) -> tuple[Port, ...]:
        """The inputs of the new graph."""
        return tuple(port for _, (port, _) in sorted(self._passed.items(), key=_parameters_first))

    def arguments(self) -> tuple[Argument, ...]:
        """What the new step passes to them."""
        return tuple(
            Argument(name=port.name, kind=port.kind, value=value)
            for _, (port, value) in sorted(self._passed.items(), key=_parameters_first)
        )

    def outputs(self) -> tuple[Output, ...]:
        """The outputs of the new graph."""
        return tuple(output for _, output in sorted(self._handed.items(), key=_parameters_first))

    def _fresh(self, core: Reference, taken: set[str]) -> str:
        name = fresh_name(f"{core.step}-{core.name or core.kind or core.to}", taken)
        taken.add(name)
        return name

    def _pass_on(self, reference: Reference) -> None:
        """An input of the old graph that a moved step reads: the new graph has it under the same name."""
        if not reference.name:
            raise self._refusal("a moved step reads all inputs of its graph at once")
        for port in self._own_inputs.get(reference.name, ()):
            if reference.kind not in ("", port.kind):
                continue
            if port.optional:
                raise self._refusal(f"the input {port.name!r} is optional, and cannot be passed on where it is empty")
            core = Reference(to="input", name=port.name, kind=port.kind)
            self._passed[port.kind, port.name] = (Port(name=port.name, kind=port.kind), core)

    def _core(self, reference: Reference) -> Reference:
        """The value that has to cross, without what is picked from it on the other side."""
        if reference.to != "output":
            raise self._refusal(f"the {reference.name or 'status'} of {reference.step!r} cannot leave its graph")
        if reference.kind == "artifact" and not reference.name:
            raise self._refusal(f"all artifacts of {reference.step!r} together cannot leave their graph")
        if reference.step not in self._sure and self._ends.get(reference.step, frozenset()) - {EMPTY}:
            raise self._refusal(f"{reference.step!r} may be skipped, and then has no {reference.name or 'output'}")
        return replace(reference, path=(), native="")

    def _refuse_guarded(
        self,
        inside: list[tuple[Step, tuple[Graph | Operation, ...]]],
        inline: Mapping[str, tuple[Graph | Operation, ...]],
    ) -> None:
        """An expression may look at a step only where another one was skipped; what crosses is looked up always."""
        outside = [(step, inline[step.name]) for step in self._graph.steps if step.name not in self._names]
        for crossing, place in ((False, tuple(inside)), (True, (tuple(outside), self._graph.outputs))):
            for choice in (node for node in nodes(place) if isinstance(node, (Expression, FirstOf))):
                for reference in references(choice):
                    crosses = (reference.step in self._names) is crossing
                    if crosses and self._may_be_missing(reference.step):
                        raise self._refusal(f"an expression chooses whether it reads {reference.step!r}")

    def _may_be_missing(self, name: str) -> bool:
        """Whether what a step gives may be missing where it is read; a failure stops the reader, or not."""
        if name in self._names or name not in self._ends:
            return bool(self._ends.get(name))
        return name not in self._sure and bool(self._ends[name] or self._graph.fail_fast is False)

    def _refusal(self, reason: str) -> Unsupported:
        return Unsupported(reason, engine=self._engine, step=self._graph.name, hint="move other steps, or more")


def _port_kind(reference: Reference) -> PortKind:
    return "artifact" if reference.kind == "artifact" else "parameter"


def _parameters_first(item: tuple[tuple[str, str], object]) -> tuple[bool, str]:
    """The order in which engines that list both kinds apart list them: a move then reads back as it was made."""
    (kind, name), _ = item
    return kind != "parameter", name
