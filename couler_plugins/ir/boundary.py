"""What crosses the boundaries of new graphs that steps move into: each value an output of one, an input of another."""

from __future__ import annotations

from couler_plugins.documents.mappings import by_key
from couler_plugins.ir.cut import OUTSIDE, Cut
from couler_plugins.ir.edits import take_name
from couler_plugins.ir.ends import EMPTY, Inline, strictly_needed
from couler_plugins.ir.ports import Argument, Output, Port, PortKind
from couler_plugins.ir.values import Expression, FirstOf, Reference, replace
from couler_plugins.ir.walk import nodes, references

HINT = "move other steps, or more"


class Boundary:
    """Collects what crosses, and rewrites references on all sides.

    Args:
        cut: which steps move where.
        inline: what is written inside each step, by its name.
    """

    def __init__(self, cut: Cut, inline: Inline) -> None:
        self._cut = cut
        self._own_inputs = by_key((port.name, port) for port in cut.graph.inputs)
        self._sure = {new: strictly_needed(cut.outer_needs[caller]) for new, caller in cut.callers.items()}
        self._contents = {new: [(step, inline[step.name]) for step in steps] for new, steps in cut.members.items()}
        parameters = {port.name for port in cut.workflow.parameters}  # what a new graph reads of both must differ
        self._taken_inputs = {
            new: parameters | {reference.name for reference in references(tuple(content)) if reference.to == "input"}
            for new, content in self._contents.items()
        }
        self._passed: dict[str, dict[tuple[str, str], tuple[Port, Reference]]] = {new: {} for new in cut.callers}
        self._inputs: dict[tuple[str, Reference], str] = {}
        self._handed: dict[str, dict[tuple[str, str], Output]] = {new: {} for new in cut.callers}
        self._outputs: dict[Reference, str] = {}
        self._taken_outputs: dict[str, set[str]] = {new: set() for new in cut.callers}
        self._refuse_guarded()

    def crossing(self, reference: Reference, place: str) -> Reference:
        """A reference of what is at a place, as it reads there once the steps have moved."""
        if reference.to == "input" and place != OUTSIDE:
            self._pass_on(reference, place)
        if not self._cut.crosses(reference.step, place):
            return reference
        core = self._core(reference, place)
        outer = self._handed_out(core)
        if place == OUTSIDE:
            return replace(outer, path=reference.path)
        name = self._input(core, outer, place)
        return Reference(to="input", name=name, kind=_port_kind(core), path=reference.path)

    def inputs(self, new: str) -> tuple[Port, ...]:
        """The inputs of a new graph."""
        return tuple(port for _, (port, _) in sorted(self._passed[new].items(), key=_parameters_first))

    def arguments(self, new: str) -> tuple[Argument, ...]:
        """What the step that calls it passes to them."""
        return tuple(
            Argument(name=port.name, kind=port.kind, value=value)
            for _, (port, value) in sorted(self._passed[new].items(), key=_parameters_first)
        )

    def outputs(self, new: str) -> tuple[Output, ...]:
        """Its outputs."""
        return tuple(output for _, output in sorted(self._handed[new].items(), key=_parameters_first))

    def _handed_out(self, core: Reference) -> Reference:
        """A value as those outside of where it is made see it."""
        new = self._cut.place(core.step)
        if new == OUTSIDE:
            return core
        kind = _port_kind(core)
        if core not in self._outputs:
            name = self._outputs[core] = take_name(_port_name(core), self._taken_outputs[new])
            self._handed[new][kind, name] = Output(name=name, kind=kind, value=core)
        return Reference(to="output", step=self._cut.callers[new], kind=kind, name=self._outputs[core])

    def _input(self, core: Reference, outer: Reference, place: str) -> str:
        """The input of a new graph that holds a value from outside of it."""
        if (place, core) not in self._inputs:
            name = self._inputs[place, core] = take_name(_port_name(core), self._taken_inputs[place])
            port = Port(name=name, kind=_port_kind(core))
            self._passed[place][port.kind, port.name] = (port, outer)
        return self._inputs[place, core]

    def _pass_on(self, reference: Reference, place: str) -> None:
        """An input of the old graph that a moved step reads: the new graph has it under the same name."""
        for port in self._own_inputs.get(reference.name, ()):
            if reference.kind not in ("", port.kind):
                continue
            core = Reference(to="input", name=port.name, kind=port.kind)
            self._passed[place][port.kind, port.name] = (Port(name=port.name, kind=port.kind), core)

    def _core(self, reference: Reference, place: str) -> Reference:
        """The value that has to cross, without what is picked from it on the other side."""
        name = reference.step
        reason = ""
        if reference.to != "output":
            reason = f"the {reference.name or 'status'} of {name!r} cannot leave its graph"
        elif reference.kind == "artifact" and not reference.name:
            reason = f"all artifacts of {name!r} together cannot leave their graph"
        elif self._outcomes(name, place) - {EMPTY}:
            reason = f"{name!r} may be skipped, and then has no {reference.name or 'output'}"
        if reason:
            raise self._cut.refusal(reason, hint=HINT)
        return replace(reference, path=(), native="")

    def _outcomes(self, name: str, place: str) -> frozenset[str]:
        """How a step elsewhere may have ended other than well when it is looked at from a place."""
        cut = self._cut
        outcomes: frozenset[str] = frozenset()
        if cut.place(name) != OUTSIDE:
            outcomes |= cut.inner_ends[name]
        if place != OUTSIDE and (seen := cut.seen(name, place)) not in self._sure[place]:
            outcomes |= (cut.ends if seen == name else cut.outer_ends)[seen]
        return outcomes

    def _refuse_guarded(self) -> None:
        """An expression may look at a step only where another one was skipped; what crosses is looked up always."""
        for place, content in self._contents.items():
            outputs = self._cut.graph.outputs if place == OUTSIDE else ()
            reading = nodes((tuple(content), outputs))
            for choice in (node for node in reading if isinstance(node, (Expression, FirstOf))):
                for name in dict.fromkeys(reference.step for reference in references(choice)):
                    if self._cut.crosses(name, place) and self._may_be_missing(name, place):
                        raise self._cut.refusal(f"an expression chooses whether it reads {name!r}", hint=HINT)

    def _may_be_missing(self, name: str, place: str) -> bool:
        """Whether what a step gives may be missing where it is read; a failure stops the reader, or not."""
        unsure = place != OUTSIDE and self._cut.seen(name, place) not in self._sure[place]
        return bool(self._outcomes(name, place)) or (unsure and self._cut.graph.fail_fast is False)


def _port_name(core: Reference) -> str:
    return f"{core.step}-{core.name or core.kind or core.to}"


def _port_kind(reference: Reference) -> PortKind:
    return "artifact" if reference.kind == "artifact" else "parameter"


def _parameters_first(item: tuple[tuple[str, str], object]) -> tuple[bool, str]:
    """The order in which engines that list both kinds apart list them: a move then reads back as it was made."""
    (kind, name), _ = item
    return kind != "parameter", name
