"""A split under search: parts, their times, the objective, and changes that are tried and taken back.

The makespan of a split, and what no split goes below.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.state import Parts
from couler_plugins.parallelism.times import Times
from couler_plugins.simulation.schedule import schedule


def barrier_makespan(dag: Dag, labels: Sequence[int], launch: float) -> float:
    """When the last part ends, each starting `launch` seconds after the last part that it needs; seconds. O(V + E).

    Inside a part, steps run as soon as their parents in the part have ended, on as many workers as they want.

    Args:
        dag: the graph.
        labels: of each step its part; they never fall along an edge.
        launch: seconds that starting a part takes.
    """
    number = {label: place for place, label in enumerate(sorted(set(labels)))}
    lengths = [0.0] * len(number)
    needs: list[set[int]] = [set() for _ in number]
    ends: list[float] = []
    for step, above in enumerate(dag.parents):
        label = labels[step]
        part = number[label]
        start = 0.0
        for parent in above:
            if labels[parent] == label:
                start = max(start, ends[parent])
            else:
                needs[part].add(number[labels[parent]])
        ends.append(start + dag.seconds[step])
        lengths[part] = max(lengths[part], ends[step])
    return schedule(lengths, [sorted(some) for some in needs], launch=launch).makespan


def fewest_parts(dag: Dag, budget: Budget) -> int:
    """The number of parts that no split goes below: the sizes of all steps over the budget, whatever crosses."""
    if not len(dag):
        return 0
    limit_bytes, limit_steps, limit_pods = budget.limits
    room = (max(1, limit_bytes - dag.wrapper), limit_steps, limit_pods)
    totals = (sum(dag.bytes) + dag.shared(range(len(dag))), sum(dag.steps), sum(dag.pods))
    return max(1, *(-(-total // most) for total, most in zip(totals, room, strict=True)))


def makespan_bound(dag: Dag, budget: Budget, launch: float) -> float:
    """Seconds that the makespan of no split within the budget goes below; the better of the graph and its reverse."""
    return max(_forward(dag, budget, launch), _forward(dag.reversed(), budget, launch))


def _forward(dag: Dag, budget: Budget, launch: float) -> float:
    """The latest of the times before which a step cannot end.

    Of a step's ancestors, latest end first, let x be the first that is not in the step's part. Then the part starts a
    launch after the end of x at the earliest, and those before x are in it: so is every path through them to the step.
    Only so many can come before x as fit beside the step; the x that makes it end first counts.
    """
    ends: list[float] = []
    for step, above in enumerate(dag.parents):
        floor = max((ends[parent] for parent in above), default=launch) + dag.seconds[step]
        ends.append(_end(dag, budget.limits, launch, step, ends, floor) if above else floor)
    return max(ends, default=0.0)


def _end(
    dag: Dag, limits: tuple[int, int, int], launch: float, step: int, ends: Sequence[float], floor: float
) -> float:
    """When a step ends at the earliest, with the best choice of the first ancestor that is in another part."""
    parents, seconds = dag.parents, dag.seconds
    size, count, pods = dag.wrapper + dag.bytes[step], dag.steps[step], dag.pods[step]
    path = seconds[step]
    below = dict.fromkeys(parents[step], path)
    """Of ancestors, the longest path from their end on to the step's, through those that are in its part."""
    queue = [(-ends[parent], parent) for parent in below]
    heapq.heapify(queue)
    least = math.inf
    while queue:
        end, ancestor = heapq.heappop(queue)
        least = min(least, launch - end + path)
        if least <= floor:
            return floor
        size += dag.bytes[ancestor]
        count += dag.steps[ancestor]
        pods += dag.pods[ancestor]
        if size > limits[0] or count > limits[1] or pods > limits[2]:
            return least
        length = below[ancestor] + seconds[ancestor]
        path = max(path, length)
        for parent in parents[ancestor]:
            bound = below.get(parent)
            if bound is None:
                heapq.heappush(queue, (-ends[parent], parent))
            if bound is None or bound < length:
                below[parent] = length
    return max(floor, min(least, launch + path))


CUT = 0.1
"""What cutting every edge costs, as a share of the critical path."""


@dataclass(frozen=True)
class Objective:
    """Makespan, parts and cut edges as one number, 1 where nothing is lost.

    Attributes:
        critical_path: of the graph whole, seconds; what makespans are measured by.
        fewest: the number of parts that no split goes below.
        edges: of the graph.
        weight: what twice the fewest parts cost, as a share of the makespan.
    """

    critical_path: float
    fewest: int
    edges: int
    weight: float

    @classmethod
    def of(cls, dag: Dag, budget: Budget, launch: float, weight: float) -> Objective:
        """The objective for a graph. Where all steps take no time, the makespan is measured by one launch."""
        return cls(dag.critical_path() or launch or 1.0, fewest_parts(dag, budget), max(dag.edges, 1), weight)

    def value(self, makespan: float, parts: int, cut: int) -> float:
        """The number to minimise."""
        return makespan / self.critical_path * self._factor(parts) + CUT * cut / self.edges

    def makespan(self, value: float, parts: int, cut: int) -> float:
        """The makespan at which these parts and this cut are worth that value."""
        return (value - CUT * cut / self.edges) * self.critical_path / self._factor(parts)

    def _factor(self, parts: int) -> float:
        return 1 + self.weight * (parts / self.fewest - 1)


ROUNDING = 1e-12

Move = tuple[int, int]
"""A step and the part that it goes to."""


class Solution:
    """A split, always within its budget and in order, with its value.

    Attributes:
        parts, times: what it is, and when it runs.
        value: of the objective.
    """

    def __init__(self, dag: Dag, budget: Budget, labels: Sequence[int], objective: Objective, launch: float) -> None:
        self.dag = dag
        self.objective = objective
        self.parts = Parts(dag, budget, labels)
        self.times = Times(self.parts, launch)
        self.value = self._worth()

    def _worth(self) -> float:
        return self.objective.value(self.times.makespan, len(self.parts), self.parts.cut)

    def between(self, steps: Sequence[int]) -> tuple[int, int]:
        """The first and the last place that steps of one part can move to together. O(their edges)."""
        part, place = self.parts.part, self.parts.place
        moving = set(steps)
        low, high = 0, len(self.parts) - 1
        for step in steps:
            for parent in self.dag.parents[step]:
                if parent not in moving and place[part[parent]] > low:
                    low = place[part[parent]]
            for child in self.dag.children[step]:
                if child not in moving and place[part[child]] < high:
                    high = place[part[child]]
        return low, high

    def attempt(self, moves: Sequence[Move], tolerance: float = 0.0, growth: float | None = None) -> bool:
        """Makes moves between two parts, and keeps them where the value does not rise.

        Args:
            moves: steps of one part or of two, each with the other of the two as its target; they keep the order.
            tolerance: how much the value may rise, as a share of it.
            growth: how much the makespan may grow, as a share of it; no limit unless given.

        Returns:
            Whether they were kept.
        """
        parts = self.parts
        back = [(step, parts.part[step]) for step, _ in moves]
        pair = {part for _, part in (*moves, *back)}
        for step, to in moves:
            parts.move(step, to)
        if all(map(parts.fits, pair)) and self._settle(moves, pair, tolerance, growth):
            return True
        for step, at in reversed(back):
            parts.move(step, at)
        return False

    def attempt_alone(self, steps: Sequence[int], tolerance: float = 0.0) -> bool:
        """Moves steps of one part into a new part beside it, and keeps that where the value does not rise.

        Returns:
            Whether it was kept.
        """
        parts = self.parts
        at = parts.part[steps[0]]
        if len(steps) == len(parts.members[at]):
            return False
        low, _ = self.between(steps)
        # Just before the part that they leave; just after it where they need a step that stays.
        new = parts.add(parts.place[at] + (low == parts.place[at]))
        self.times.add(new)
        low, high = self.between(steps)
        if low <= parts.place[new] <= high and self.attempt([(step, new) for step in steps], tolerance):
            return True
        parts.drop(new)
        return False

    def _settle(self, moves: Sequence[Move], pair: set[int], tolerance: float, growth: float | None) -> bool:
        """Works out times and value after moves between a pair of parts; False, with both as before, if it is worse."""
        parts, times = self.parts, self.times
        lengths = {part: times.length[part] for part in pair}
        finishes = times.ripple([step for step, _ in moves])
        for part in pair:
            times.length[part] = times.longest(part)
        empty = [part for part in pair if not parts.members[part]]
        limit = self.objective.makespan(self.value * (1 + tolerance), len(parts) - len(empty), parts.cut)
        if growth is not None:
            limit = min(limit, times.makespan * (1 + growth))
        limit *= 1 + ROUNDING
        places = [parts.place[part] for part in pair]
        ends = times.shift(pair.difference(empty), min(places), limit)
        if ends is not None:
            for part in empty:
                ends.append((part, times.end[part]))
                times.end[part] = 0.0
            if times.makespan <= limit:
                times.look_ahead(pair, max(places))
                for part in empty:
                    parts.drop(part)
                self.value = self._worth()
                return True
            times.back(reversed(ends))
        times.restore(finishes)
        for part in pair:
            times.length[part] = lengths[part]
        return False
