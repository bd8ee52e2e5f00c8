"""A topological order of numbered steps."""

from __future__ import annotations

import heapq
from collections.abc import Sequence, Set

__all__ = ["CycleError", "topological_order"]


class CycleError(ValueError):
    """There is no topological order; `member` is a step that is its own ancestor."""

    def __init__(self, member: int) -> None:
        super().__init__(f"{member} is its own ancestor")
        self.member = member


def topological_order(parents: Sequence[Set[int]]) -> list[int]:
    """The steps, each after its parents; of those that could come next, the smallest. O((V + E) log V).

    Raises:
        CycleError: a step is its own ancestor.
    """
    children: list[list[int]] = [[] for _ in parents]
    for step, above in enumerate(parents):
        for parent in above:
            children[parent].append(step)
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
        raise CycleError(_on_a_cycle(parents, waits))
    return order


def _on_a_cycle(parents: Sequence[Set[int]], waits: Sequence[int]) -> int:
    """Going up from a step that waits, among those that wait, one comes to a step for the second time."""
    at = next(step for step, wait in enumerate(waits) if wait)
    seen: set[int] = set()
    while at not in seen:
        seen.add(at)
        at = min(parent for parent in parents[at] if waits[parent])
    return at
