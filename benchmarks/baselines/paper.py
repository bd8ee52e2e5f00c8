"""The policy of the Couler paper, with its scores made well-defined and its admission made whole."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

from benchmarks.baselines.arrivals import Arrivals
from benchmarks.baselines.live import LiveSet, around
from benchmarks.baselines.scores import importance, reconstruction_cost, reuse_value
from couler_plugins.caching.policies.simple import fits
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.options.fields import check_range
from couler_plugins.runs import Candidate, History

__all__ = ["Paper"]


@dataclass(frozen=True)
class Paper(CachePolicy):
    """The paper's score with transactional admission.

    Artifacts are admitted in the order they were made. One that does not fit displaces those with the lowest scores,
    if all of them score lower than itself; else it is refused and they stay. Consumers count in full while they are
    pending: in live runs, and in a run that has just ended until their own turn. What is being read is protected by
    the cache that calls, with leases. Unknown seconds count as the median of their type.

    Attributes:
        alpha: the weight of reconstruction cost.
        beta: the weight of reuse.
        hops: how far ancestors and descendants count; None is without end.
        rho: the chance that a job that is not pending runs again.

    Source: X. Wang et al., Couler: Unified Machine Learning Workflow Optimization in Cloud, ICDE 2024, Eq. 3 to 6 and
    Algorithm 2, as `scores` reads them.
    """

    name: ClassVar[str] = "paper"

    alpha: float = 1.5
    beta: float = 1.0
    hops: int | None = None
    rho: float = 0.0

    def __post_init__(self) -> None:
        for name, high in (("alpha", 1e6), ("beta", 1e6), ("rho", 1)):
            check_range(name, getattr(self, name), 0, high)
        check_range("hops", self.hops, 0)

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """What is in the cache once all have been met.

        Scores are taken again only near what changed. With n candidates and a the most jobs that lie between one and
        the next cached ones, that is O(n · a) and more only where neighbours are many; without any cache a is n.
        """
        if capacity is None or fits(candidates, capacity):
            return {one.key for one in candidates}
        arrivals = Arrivals(candidates, history)
        admission = _Admission(self, arrivals, capacity)
        for at in arrivals:
            admission.admit(at)
        return arrivals.keys(admission.live.members)


class _Admission:
    """A cache that takes one artifact at a time, or leaves everything as it is."""

    def __init__(self, policy: Paper, arrivals: Arrivals, capacity: int) -> None:
        self._policy = policy
        self._arrivals = arrivals
        self._capacity = capacity
        self._cached: set[int] = set(arrivals.held)
        self.live = LiveSet(arrivals.candidates, self._score)
        for at in arrivals.held:
            self.live.add(at)
        while self.live.bytes > capacity:
            self._drop(self.live.lowest()[0])

    def admit(self, at: int) -> None:
        """Admits it if it fits, or if it scores higher than all that has to go for it."""
        self._cached.add(at)
        self._touch(at)
        if self._makes_room(at):
            self.live.add(at)
        else:
            self._cached.remove(at)
            self._touch(at)

    def _makes_room(self, at: int) -> bool:
        """Drops the lowest until it fits; restores them all if one is not lower."""
        size = self._arrivals.candidates[at].bytes
        if size > self._capacity:
            return False
        dropped: list[int] = []
        while self.live.bytes + size > self._capacity:
            lowest, score = self.live.lowest()
            if score >= self._score(at):
                for other in dropped:
                    self._restore(other)
                return False
            self._drop(lowest)
            dropped.append(lowest)
        return True

    def _drop(self, at: int) -> None:
        self.live.remove(at)
        self._cached.remove(at)
        self._touch(at)

    def _restore(self, at: int) -> None:
        self.live.add(at)
        self._cached.add(at)
        self._touch(at)

    def _touch(self, at: int) -> None:
        self.live.touch(around(self._arrivals.graph, at, self._cached))

    def _score(self, at: int) -> float:
        policy, graph = self._policy, self._arrivals.graph
        cost = reconstruction_cost(graph, at, self._cached, policy.hops)
        reuse = reuse_value(graph, at, self._arrivals.pending, self._cached, hops=policy.hops, rho=policy.rho)
        size = self._arrivals.candidates[at].bytes
        return importance(cost, reuse, size, self._capacity, policy.alpha, policy.beta)
