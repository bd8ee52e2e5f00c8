"""Graphs of numbered steps: a topological order, the links turned around, and the longest path."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Sequence


class CycleError(ValueError):
    """There is no topological order.

    Attributes:
        cycle: steps each of which waits for the next, and the last for the first.
        member: one of them.
    """

    def __init__(self, cycle: Sequence[int]) -> None:
        super().__init__(f"{cycle[0]} is its own ancestor")
        self.cycle = tuple(cycle)
        self.member = cycle[0]


def children_of(parents: Sequence[Collection[int]]) -> list[list[int]]:
    """Return the steps that come right after each, in their order."""
    children: list[list[int]] = [[] for _ in parents]
    for step, above in enumerate(parents):
        for parent in above:
            children[parent].append(step)
    return children


def longest_path(steps: Iterable[int], parents: Sequence[Collection[int]], seconds: Sequence[float]) -> float:
    """Return the seconds of the longest path through some steps, which are in a topological order."""
    ends: dict[int, float] = {}
    for step in steps:
        ends[step] = max((ends.get(parent, 0.0) for parent in parents[step]), default=0.0) + seconds[step]
    return max(ends.values())


def topological_order(parents: Sequence[Collection[int]]) -> list[int]:
    """The steps, each after its parents; of those that could come next, the smallest. O((V + E) log V).

    Args:
        parents: those of each step, no step twice.

    Raises:
        CycleError: a step is its own ancestor.
    """
    children = children_of(parents)
    waits = [len(above) for above in parents]
    ready = [step for step, wait in enumerate(waits) if wait == 0]
    order: list[int] = []
    while ready:
        step = heapq.heappop(ready)
        order.append(step)
        for child in children[step]:
            waits[child] -= 1
            if waits[child] == 0:
                heapq.heappush(ready, child)
    if len(order) < len(parents):
        raise CycleError(_cycle(parents, waits))
    return order


def _cycle(parents: Sequence[Collection[int]], waits: Sequence[int]) -> list[int]:
    """Going up from a step that waits, among those that wait, one comes to a step for the second time."""
    at = next(step for step, wait in enumerate(waits) if wait)
    seen: dict[int, int] = {}
    while at not in seen:
        seen[at] = len(seen)
        at = min(parent for parent in parents[at] if waits[parent])
    return list(seen)[seen[at] :]
