"""Where each step of a graph is once some have moved into new graphs, and what these then need of each other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from couler_plugins.errors import Unsupported
from couler_plugins.ir.edits import take_name
from couler_plugins.ir.ends import Ends, by_itself, may_be_unmet, quiet_ends, with_omitted
from couler_plugins.ir.graph import GraphView
from couler_plugins.ir.needs import Need, Needs, all_of, conjuncts, needed
from couler_plugins.ir.values import replace
from couler_plugins.ir.workflow import Graph, Operation, Step, Workflow

OUTSIDE = ""
"""The place of what stays where it was."""
ENDED_WELL = frozenset({"succeeded", "skipped", "daemoned"})
"""The outcomes that a step inside a composite and the composite itself have in common."""


class Cut:
    """A graph, some of whose steps move into new graphs, each called by one step from where they were.

    Attributes:
        workflow, graph: before anything moves.
        callers: the name of the step that will call each new graph.
        members: the steps of each new graph, in the order of the source; those that stay are in `OUTSIDE`.
        view: the graph as it was.
    """

    def __init__(
        self,
        workflow: Workflow,
        graph: Graph,
        parts: Mapping[str, Collection[str]],
        by_name: Mapping[str, Graph | Operation],
    ) -> None:
        self.workflow = workflow
        self.graph = graph
        self._own = {step.name for step in graph.steps}
        self._place = {name: new for new, names in parts.items() for name in names if name in self._own}
        self.members: dict[str, list[Step]] = {new: [] for new in (*parts, OUTSIDE)}
        for step in graph.steps:
            self.members[self.place(step.name)].append(step)
        used = {step.name for step in self.members[OUTSIDE]}
        self.callers = {new: take_name(new, used) for new in parts}
        self.view = GraphView(graph, by_name)

    def place(self, name: str) -> str:
        """The new graph that a step is in."""
        return self._place.get(name, OUTSIDE)

    def owns(self, name: str) -> bool:
        """Whether the graph has a step of that name."""
        return name in self._own

    def crosses(self, name: str, place: str) -> bool:
        """Whether what is read at a place is of a step elsewhere; steps inside of inline graphs are none of ours."""
        return name in self._own and self.place(name) != place

    def seen(self, name: str, place: str = OUTSIDE) -> str:
        """What stands for a step where that is looked at from a place: itself, or the step that calls its graph."""
        there = self.place(name)
        return name if there in (place, OUTSIDE) else self.callers[there]

    @cached_property
    def ends(self) -> Ends:
        """How each step may end as the graph was."""
        return quiet_ends(self.view)

    @cached_property
    def inner_ends(self) -> Ends:
        """How each step may end once its new graph runs."""
        return quiet_ends(self.view, self.place)

    @cached_property
    def outer_ends(self) -> Ends:
        """How what stays, and the steps that call the new graphs, may end.

        Raises:
            Unsupported: a path leaves a new graph and comes back, or a need cannot cross.
        """
        steps = {step.name: step for step in self.members[OUTSIDE]}
        reads = self._outside(self.view.reads.__getitem__)
        ends: dict[str, frozenset[str]] = {}
        for name in self.outer_order:
            own = by_itself(steps[name]) if name in steps else frozenset()
            ends[name] = with_omitted(own, self.outer_needs[name], reads[name], ends)
        return ends

    @cached_property
    def outer_order(self) -> list[str]:
        """What stays, and the steps that call the new graphs, in an order in which they may run.

        Raises:
            Unsupported: a path leaves a new graph and comes back.
        """
        if self.outer_stages is not None:
            return [name for stage in self.outer_stages for name in stage]
        try:
            return list(TopologicalSorter(self._outside(self.view.predecessors)).static_order())
        except CycleError as error:
            raise self.refusal(
                f"a path leaves the steps to move and comes back: {' → '.join(error.args[1])}",
                hint="move the steps between them as well",
            ) from None

    @cached_property
    def outer_stages(self) -> tuple[tuple[str, ...], ...] | None:
        """The stages of what stays and of the steps that call the new graphs; None where the graph has none.

        Each is as early as it can be: after all that has a step in an earlier stage than one of its own.

        Raises:
            Unsupported: two would have to wait for each other, since each has a step in a later stage.
        """
        if self.graph.stages is None:
            return None
        groups = [dict.fromkeys(self.seen(name) for name in stage) for stage in self.graph.stages if stage]
        needs: dict[str, set[str]] = {name: set() for group in groups for name in group}
        for group, following in pairwise(groups):
            for name in following:
                needs[name].update(other for other in group if other != name)
        sorter = TopologicalSorter(needs)
        try:
            sorter.prepare()
        except CycleError as error:
            reason = f"stages would be cut across: {' → '.join(error.args[1])}"
            raise self.refusal(reason, hint="move whole stages, or steps of one stage") from None
        stages = []
        while sorter.is_active():
            ready = sorter.get_ready()
            stages.append(tuple(ready))
            sorter.done(*ready)
        return tuple(stages)

    def inner_stages(self, new: str) -> tuple[tuple[str, ...], ...] | None:
        """The stages of a new graph."""
        if self.graph.stages is None:
            return None
        own = (tuple(name for name in stage if self.place(name) == new) for stage in self.graph.stages)
        return tuple(stage for stage in own if stage)

    @cached_property
    def entering(self) -> dict[str, tuple[Needs, ...]]:
        """What each step needs of others elsewhere, as those are seen from outside; what stays needs all so.

        Raises:
            Unsupported: a need of how a step ends cannot cross.
        """
        return {
            step.name: tuple(
                self._from_outside(step, need)
                for need in conjuncts(step.needs)
                if not self._is_inside(need, self.place(step.name))
            )
            for step in self.graph.steps
        }

    @cached_property
    def outer_needs(self) -> dict[str, tuple[Needs, ...]]:
        """What each step outside needs, those that call the new graphs included: all of these."""
        result: dict[str, dict[Needs, None]] = {}
        for step in self.graph.steps:
            result.setdefault(self.seen(step.name), {}).update(dict.fromkeys(self.entering[step.name]))
        return {name: tuple(needs) for name, needs in result.items()}

    def inner_needs(self, step: Step) -> Needs | None:
        """What a step that moves needs of others in its new graph."""
        place, parts = self.place(step.name), conjuncts(step.needs)
        inside = [need for need in parts if self._is_inside(need, place)]
        return step.needs if len(inside) == len(parts) else all_of(inside)

    def following(self, name: str) -> list[str]:
        """The steps that start after one, or may: those that need it, or those of all later stages."""
        if self.graph.stages is None:
            return sorted(self.view.descendants(name))
        at = next(number for number, stage in enumerate(self.graph.stages) if name in stage)
        return [other for stage in self.graph.stages[at + 1 :] for other in stage]

    def refusal(self, reason: str, step: str = "", hint: str = "move that step as well") -> Unsupported:
        """An error that says why the steps cannot move."""
        where = f"{self.graph.name}/{step}" if step else self.graph.name
        return Unsupported(reason, engine=self.workflow.engine, step=where, hint=hint)

    def _outside(self, names: Callable[[str], Iterable[str]]) -> dict[str, set[str]]:
        """What each step has of others, by name, as it is between those outside."""
        upstream: dict[str, set[str]] = {self.seen(step.name): set() for step in self.graph.steps}
        for step in self.graph.steps:
            here = self.seen(step.name)
            others = (self.seen(name) for name in names(step.name) if self.owns(name))
            upstream[here].update(other for other in others if other != here)
        return upstream

    def _is_inside(self, need: Needs, place: str) -> bool:
        """Whether all that a need is of moves along; what stays needs nothing in this sense."""
        return place != OUTSIDE and all(self.place(part.step) == place for part in needed(need))

    def _from_outside(self, step: Step, need: Needs) -> Needs:
        """A need of what is elsewhere, with the steps that call new graphs in the place of those in them."""
        place = self.place(step.name)
        others = {there for part in needed(need) if (there := self.place(part.step)) != OUTSIDE}
        if place != OUTSIDE and (place in others or not is_plain(need)):
            raise self.refusal(f"{step.name!r} depends on how a step outside ends, not only on its success", step.name)
        if not others:
            return need
        if not isinstance(need, Need):
            raise self.refusal(f"{step.name!r} needs one of several steps", step.name)
        if not is_plain(need) or may_be_unmet(need, self.inner_ends):
            raise self.refusal(f"{step.name!r} depends on how {need.step!r} ends, not only on its success", step.name)
        return replace(need, step=self.seen(need.step))


def is_plain(need: Needs) -> bool:
    """Whether a need is one that a composite can stand in for: the step has ended, and well."""
    return isinstance(need, Need) and "succeeded" in need.outcomes and ENDED_WELL.issuperset(need.outcomes)
