"""A cache as the Couler paper's Algorithm 2 sees it, with the literal scores of its equations."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.baselines.arrivals import Arrivals
from benchmarks.baselines.literal import PaperLiteral
from benchmarks.baselines.scores import levels, literal_importance, literal_reconstruction_costs

__all__ = ["LiteralCache"]


class LiteralCache:
    """A cache as Algorithm 2 sees it, with the literal scores of all artifacts.

    Attributes:
        members: the positions of what it holds.
        bytes: what they take, which may be more than the capacity.
    """

    def __init__(self, policy: PaperLiteral, arrivals: Arrivals) -> None:
        self.members = set(arrivals.held)
        self.bytes = sum(arrivals.candidates[at].bytes for at in arrivals.held)
        self._beta = policy.beta
        self._arrivals = arrivals
        costs = literal_reconstruction_costs(arrivals.graph)
        self._base = np.zeros(len(costs))
        for at, one in arrivals.candidates.items():
            self._base[at] = literal_importance(costs[at], 0.0, one.bytes / policy.unit, policy.alpha, policy.beta)
        self._reuse = np.zeros(len(costs))
        for job in sorted(arrivals.pending):
            self._count(job, 1.0)

    def algorithm_2(self, capacity: int) -> Iterator[int]:
        """Takes each new artifact in turn; after each, the bytes it then holds.

        It is asked whether the cache is full already, not whether the new one fits.
        """
        for at in self._arrivals:
            self._count(at, -1.0)
            size = self._arrivals.candidates[at].bytes
            if self.bytes >= capacity:
                while self.members and self.bytes + size > capacity:
                    self.evict()
            if self.bytes < capacity or self.bytes + size <= capacity:
                self.members.add(at)
                self.bytes += size
            yield self.bytes

    def evict(self) -> None:
        """Drops the lowest score; of equal ones, what was used longest ago, then the smaller key."""
        members = np.fromiter(self.members, dtype=np.intp)
        scores = self.scores()[members]
        lowest = members[scores == scores.min()].tolist()
        candidates = self._arrivals.candidates
        victim = min(lowest, key=lambda at: (candidates[at].used, candidates[at].key))
        self.members.remove(victim)
        self.bytes -= candidates[victim].bytes

    def scores(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """I of every candidate now, by position."""
        found: np.ndarray[tuple[int], np.dtype[np.float64]] = self._base + self._beta * self._reuse**2
        return found

    def _count(self, job: int, weight: float) -> None:
        """Adds to F of all artifacts what a pending job counts for (Eq. 5), or takes it away."""
        for hop, level in levels(self._arrivals.graph.parents, job):
            if hop > 1:
                self._reuse[list(level)] += weight / hop
