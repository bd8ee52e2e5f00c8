"""Greedy-Dual-Size-Frequency, by the time of a step alone or by that of all that would be computed again."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.caching.policies.lineages import UNKNOWN, Ancestry, Estimates, Lineages, reach, touched
from couler_plugins.caching.policies.simple import best, fill, fits
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History, Run, StepRun


class _Clock:
    """A view of the history: GDSF's clock, which stands at the highest priority that was ever evicted.

    Attributes:
        now: where it stands.
        since: where it stood when each artifact in the cache was last used.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.since: dict[str, float] = {}
        self._uses: dict[str, int] = {}
        self._steps: dict[str, StepRun] = {}

    def observe(self, run: Run) -> None:
        """What was computed or loaded was used."""
        for step in touched(run):
            self.since[step.key] = self.now
            self._uses[step.key] = self._uses.get(step.key, 0) + 1
            self._steps[step.key] = step

    def decided(self, kept: Set[str]) -> None:
        """What is not kept is evicted, and the clock moves on to the highest of its priorities; it never goes back."""
        gone = [key for key in self.since if key not in kept]
        costs = self._costs(gone, kept)
        for key in gone:
            since, uses, size = self.since.pop(key), self._uses.pop(key), self._steps.pop(key).bytes
            if size is not None:
                self.now = max(self.now, since + uses * costs[key] / max(size, 1))

    def start(self, candidates: Iterable[Candidate], history: History) -> dict[str, float]:
        """Where each candidate's priority starts: the clock at its last use, which is now for what live runs use."""
        live = {step.key for run in history.live for step in touched(run)}
        return {one.key: self.now if one.key in live else self.since.get(one.key, self.now) for one in candidates}

    def _costs(self, gone: Sequence[str], kept: Set[str]) -> Mapping[str, float]:
        """The seconds that each of those evicted would take to make again."""
        estimate = Estimates((step.type, step.seconds) for step in self._steps.values())
        return {key: estimate(self._steps[key].type, self._steps[key].seconds) for key in gone}


class _SubtreeClock(_Clock):
    """The same where a cost is that of the subtree down to what is kept."""

    def __init__(self) -> None:
        super().__init__()
        self._lineages = Lineages()

    def observe(self, run: Run) -> None:
        """As above; how things are made is learned too."""
        super().observe(run)
        self._lineages.observe(run)

    def _costs(self, gone: Sequence[str], kept: Set[str]) -> Mapping[str, float]:
        from couler_plugins.caching.policies.subtrees import recompute_seconds

        lineages = self._lineages.made
        graph = Ancestry(reach(gone, lambda key: lineages.get(key, UNKNOWN)))
        loads = [0.0 if key in kept else None for key in graph.keys]
        return dict(zip(graph.keys, recompute_seconds(graph.parents, graph.seconds, loads), strict=True))


@dataclass(frozen=True)
class Gdsf(CachePolicy):
    """Keeps what has the highest priority: clock + uses · seconds / bytes.

    The clock at an artifact's last use stands for its age: it moves on to the priority of what is evicted. A size of 0
    counts as one byte, unknown seconds as the median of their type.

    Source: L. Cherkasova, Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching Policy,
    HPL-98-69R1, 1998; cost as in P. Cao and S. Irani, Cost-Aware WWW Proxy Caching Algorithms, USITS 1997.
    """

    name: ClassVar[str] = "gdsf"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """The highest priorities that fit. O(n log n)."""
        start = history.view(_Clock).start(candidates, history)
        estimate = Estimates((one.type, one.seconds) for one in candidates)

        def priority(one: Candidate) -> float:
            return start[one.key] + one.uses * estimate(one.type, one.seconds) / max(one.bytes, 1)

        return best(candidates, priority, capacity)


@dataclass(frozen=True)
class GdsfSubtree(CachePolicy):
    """GDSF whose cost is what an artifact saves: computing it again with its ancestors, less loading it.

    Ancestors are counted up to those that are kept, which are loaded instead. As one is evicted, the costs of those
    below it rise, so priorities are taken anew. It decides well one artifact at a time, which makes it the choice in
    the middle of a run.

    Source: GDSF as in `gdsf`; the cost is the recovery cost of data-flow caches, as in W. W. Song et al., Blaze:
    Holistic Caching for Iterative Data Processing, EuroSys 2024.
    """

    name: ClassVar[str] = "gdsf-subtree"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """What is left when the lowest priority is evicted until the rest fits.

        A priority is taken again only when it comes up as the lowest and one of those it counted on was evicted since:
        with r such times O((n + r) log n), and for each the steps down to what is kept, at most a thousand or so.
        """
        if capacity is None or fits(candidates, capacity):
            return {one.key for one in candidates}
        priorities = _Priorities(candidates, history)
        heap = [(*priorities(at), at) for at in priorities.candidates]
        heapq.heapify(heap)
        over = sum(one.bytes for one in candidates) - capacity
        gone: list[Candidate] = []
        while over > 0:
            _, _, at = heapq.heappop(heap)
            if heap and at in priorities.stale and (fresh := (*priorities(at), at)) > heap[0]:
                heapq.heappush(heap, fresh)
                continue
            priorities.evict(at)
            gone.append(priorities.candidates[at])
            over -= gone[-1].bytes
        candidates_left = [priorities.candidates[at] for _, _, at in heap]
        return fill((*candidates_left, *reversed(gone)), capacity)


class _Priorities:
    """The priorities of candidates, by position in their ancestry, while some of them are evicted.

    Attributes:
        candidates: by position.
        stale: the positions whose priority has changed since it was taken.
    """

    def __init__(self, candidates: Iterable[Candidate], history: History) -> None:
        self._graph = Ancestry.of(candidates, history)
        self._start = history.view(_SubtreeClock).start(candidates, history)
        self.candidates = {self._graph.index[one.key]: one for one in candidates}
        self.stale: set[int] = set()
        self._load = {at: history.load.seconds(one.bytes) for at, one in self.candidates.items()}
        self._kept = dict(self._load)
        self._below: dict[int, list[int]] = {}
        """Whose priority counts on each that is kept."""

    def __call__(self, at: int) -> tuple[float, float]:
        """The priority, and when it was last used."""
        one = self.candidates[at]
        seconds, loaded = self._graph.recompute(at, self._kept)
        for other in loaded:
            self._below.setdefault(other, []).append(at)
        self.stale.discard(at)
        saved = max(seconds - self._load[at], 0.0)
        return self._start[one.key] + one.uses * saved / max(one.bytes, 1), one.used

    def evict(self, at: int) -> None:
        """It would have to be computed from now on."""
        del self._kept[at]
        self.stale.update(self._below.pop(at, ()))
