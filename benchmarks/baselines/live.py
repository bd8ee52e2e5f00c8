"""A cache whose scores follow what changes in it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from benchmarks.baselines.scores import JobGraph
from couler_plugins.runs import Candidate

__all__ = ["LiveSet", "around"]


class LiveSet:
    """The artifacts in a cache with their scores, of which only stale ones are taken again.

    Attributes:
        members: their positions.
        bytes: what they take.
    """

    def __init__(self, candidates: Mapping[int, Candidate], score: Callable[[int], float]) -> None:
        self.members: set[int] = set()
        self.bytes = 0
        self._candidates = candidates
        self._score = score
        self._scores: dict[int, float] = {}
        self._heap: list[tuple[float, float, str, int]] = []
        self._stale: set[int] = set()

    def add(self, at: int) -> None:
        """It is in the cache from now on."""
        self.members.add(at)
        self.bytes += self._candidates[at].bytes
        self._stale.add(at)

    def remove(self, at: int) -> None:
        """It is no longer in the cache."""
        self.members.remove(at)
        self.bytes -= self._candidates[at].bytes
        self._scores.pop(at, None)

    def touch(self, positions: Iterable[int]) -> None:
        """Their scores may have changed."""
        self._stale.update(positions)

    def lowest(self) -> tuple[int, float]:
        """The member with the lowest score, and the score; by last use, then key, where scores are equal.

        Raises:
            IndexError: there is no member.
        """
        for at in self._stale & self.members:
            score, one = self._score(at), self._candidates[at]
            if self._scores.get(at) != score:
                self._scores[at] = score
                heapq.heappush(self._heap, (score, one.used, one.key, at))
        self._stale.clear()
        while self._scores.get(self._heap[0][-1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][-1], self._heap[0][0]


def around(graph: JobGraph, start: int, cached: Set[int]) -> Set[int]:
    """The cached artifacts whose scores depend on one: the first on every way up from it and down."""
    return _first(graph.parents, start, cached) | _first(graph.children, start, cached)


def _first(links: Sequence[Sequence[int]], start: int, cached: Set[int]) -> Set[int]:
    found: set[int] = set()
    seen, level = {start}, {start}
    while level:
        reached = set[int]().union(*(links[at] for at in level)) - seen
        seen |= reached
        found |= reached & cached
        level = reached - cached
    return found
