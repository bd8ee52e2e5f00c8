"""One graph whose order may be relaxed: its order, its times, and what it becomes where some steps are free."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import NamedTuple

from couler_plugins.documents.mappings import by_key
from couler_plugins.ir import Graph, GraphView, Literal, Need, Step, all_of, conjuncts, needed, replace
from couler_plugins.ordering.order import ROOM, Order, Timing, bits_of, reduce_order, relax_order, time_order
from couler_plugins.ordering.places import touching
from couler_plugins.ordering.purity import Obstacle, Purity, fixed_steps, usual_outcomes

SHORTER = 1 - 1e-9
"""The share of a time below which another one is shorter, and not only rounded in another way."""


class Sketch(NamedTuple):
    """What an order becomes.

    Attributes:
        before: the steps that each stays behind, as bits.
        parents: the fewest that put it there.
        timing: how that runs.
    """

    before: list[int]
    parents: list[list[int]]
    timing: Timing


class Scope:
    """One graph whose order may be relaxed.

    Args:
        view: the graph.
        order: its order.
        purity: what owners say of its steps.
        seconds: what each step takes, by its number in the order.
    """

    def __init__(self, view: GraphView, order: Order, purity: Purity, seconds: Sequence[float]) -> None:
        self.graph: Graph = view.graph
        self.order = order
        self._view, self._purity, self._seconds = view, purity, seconds
        self._steps = {step.name: step for step in self.graph.steps}
        workers = self.graph.parallelism.value if isinstance(self.graph.parallelism, Literal) else None
        self._workers = workers if isinstance(workers, int) and workers > 0 else None

    @cached_property
    def now(self) -> Timing:
        """How it runs as it is written."""
        return time_order(self.order.parents, self.order.stages, self._seconds, self._workers)

    @cached_property
    def obstacles(self) -> dict[str, Obstacle | None]:
        """What speaks against the purity of each step; None where its owner says that it is pure."""
        return {name: self._purity.obstacle(self.graph, self._steps[name]) for name in self.order.names}

    @cached_property
    def fixed(self) -> dict[str, str]:
        """The steps that are in their place for more than their order, each with the reason."""
        return fixed_steps(self._view)

    @cached_property
    def free(self) -> set[str]:
        """The steps that are pure, and in their place for nothing else than their order."""
        return {name for name, obstacle in self.obstacles.items() if obstacle is None and name not in self.fixed}

    @cached_property
    def _neighbours(self) -> list[int]:
        """The steps in the same regions as each, as bits: an arrow of a region is no order of single steps."""
        regions = by_key((name, region.name) for region in self.graph.regions for name in region.steps)
        places = [tuple(regions.get(name, ())) for name in self.order.names]
        groups = by_key((place, number) for number, place in enumerate(places))
        bits = {place: bits_of(numbers) for place, numbers in groups.items()}
        return [bits[place] for place in places]

    def sketch(self, names: Collection[str]) -> Sketch | None:
        """Return what the order becomes where these steps are free; None where it does not get shorter."""
        order = self.order
        free = [number for number, name in enumerate(order.names) if name in names]
        places = {step: list(self._purity.places(self.graph, self._steps[order.names[step]])) for step in free}
        apart = touching(len(order.names), {step: some for step, some in places.items() if some})
        room = sum(map(len, order.parents)) + ROOM * len(order.names)
        reduced = reduce_order(relax_order(order, bits_of(free), self._neighbours, apart), room)
        if reduced is None or reduced[1] == order.before:
            return None
        parents, before = reduced
        timing = time_order(parents, None, self._seconds, self._workers)
        return Sketch(before, parents, timing) if timing.makespan < self.now.makespan * SHORTER else None

    def relaxed(self, sketch: Sketch) -> Graph:
        """Return the graph with steps that wait as sketched; what they need beside that stays as it is written."""
        order = self.order
        number = {name: at for at, name in enumerate(order.names)}
        usual = usual_outcomes(self.graph)

        def is_gone(part: object, at: int) -> bool:
            return isinstance(part, Need) and part.step in number and not sketch.before[at] >> number[part.step] & 1

        def relaxed(step: Step) -> Step:
            if (at := number.get(step.name)) is None:
                return step
            parts = conjuncts(step.needs)
            kept = [part for part in parts if not is_gone(part, at)]
            named = {need.step for part in kept for need in needed(part)}
            # What is only read is waited for by itself, where it was not waited for before.
            added = [
                Need(step=order.names[parent], outcomes=usual)
                for parent in sketch.parents[at]
                if order.names[parent] not in named and order.waited[at] >> parent & 1
            ]
            same = len(kept) == len(parts) and not added
            return step if same else replace(step, needs=all_of([*kept, *added]))

        steps = tuple(map(relaxed, self.graph.steps))
        # All steps of a stage run to their end, whatever becomes of one of them.
        unstaged = {} if self.graph.stages is None else {"stages": None, "fail_fast": False}
        return replace(self.graph, steps=steps, **unstaged)
