"""Yang's adaptive policy: what runs have lately had to recompute for want of an artifact, averaged with decay."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.caching.policies.lineages import UNKNOWN, Ancestry, Lineages, reach, touched
from couler_plugins.caching.policies.simple import best
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History, Run

__all__ = ["Yang"]

_WEIGHT = 0.6
"""What the last run counts against all before it."""


class _Averages:
    """A view of the history: for each key the decayed average of what runs would have taken to make it again."""

    def __init__(self) -> None:
        self._lineages = Lineages()
        self._kept: Set[str] = frozenset()
        self._runs = 0
        self._scores: dict[str, tuple[float, int]] = {}

    def observe(self, run: Run) -> None:
        """Counts what the run computed or loaded; whatever else there is has cost this run nothing."""
        self._lineages.observe(run)
        self._runs += 1
        made = self._lineages.made
        used = Ancestry(reach((step.key for step in touched(run)), lambda key: made.get(key, UNKNOWN)))
        costs = self.costs(used)
        for step in touched(run):
            self._scores[step.key] = (self.score(step.key, costs[step.key]), self._runs)

    def decided(self, kept: Set[str]) -> None:
        """The cache holds these."""
        self._kept = kept

    def score(self, key: str, cost: float = 0.0, *, ahead: int = 0) -> float:
        """The average as it is once `ahead` more runs have ended, the last of which adds a cost."""
        value, run = self._scores.get(key, (0.0, self._runs))
        return value * (1 - _WEIGHT) ** (self._runs + ahead - run) + _WEIGHT * cost

    def costs(self, graph: Ancestry) -> dict[str, float]:
        """Seconds for making each again: its own and those of its ancestors, up to what the cache holds."""
        from couler_plugins.caching.policies.subtrees import recompute_seconds

        loads = [0.0 if key in self._kept else None for key in graph.keys]
        return dict(zip(graph.keys, recompute_seconds(graph.parents, graph.seconds, loads), strict=True))

    def __contains__(self, key: object) -> bool:
        """Whether a run has computed or loaded it."""
        return key in self._scores


@dataclass(frozen=True)
class Yang(CachePolicy):
    """Keeps the highest decayed average of recomputation cost per byte.

    A run that computes or loads an artifact counts what making it again would have taken it, with all ancestors up to
    those in the cache; a run that does not need it counts 0. It follows the gradient of the expected work saved.

    From the paper's abstract and formulation: the aim (least expected work to recompute, submodular in what is cached),
    online adaptation from run to run by an average that forgets, recomputation cost down to cached ancestors, and a
    choice by score under the capacity. Decided here, where the full text was not at hand: the last run counts .6,
    scores are per byte and filled greedily, and an artifact that no run has ended with yet is scored as if this run
    had. Unknown seconds count as the median of their type; a size of 0 counts as one byte.

    Source: Z. Yang et al., Intermediate Data Caching Optimization for Multi-Stage and Parallel Big Data Frameworks,
    CLOUD 2018, arXiv 1804.10563 (the heuristic of its section on the adaptive algorithm's implementation).
    """

    name: ClassVar[str] = "yang"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """The highest averages that fit. O(n log n), and `recompute_seconds` of what no run has ended with yet."""
        averages = history.view(_Averages)
        using = {step.key for run in history.live for step in touched(run)}
        fresh = [one for one in candidates if one.key in using or one.key not in averages]
        costs = averages.costs(Ancestry.of(fresh, history)) if fresh else {}
        ahead = len(history.live)

        def worth(one: Candidate) -> float:
            return averages.score(one.key, costs.get(one.key, 0.0), ahead=ahead) / max(one.bytes, 1)

        return best(candidates, worth, capacity)
