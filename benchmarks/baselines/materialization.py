"""Rules from systems that materialize intermediate results: HELIX, and the greedy choice of the experiment graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

from benchmarks.baselines.latest import Latest
from couler_plugins.caching.policies.lineages import Ancestry
from couler_plugins.caching.policies.simple import best, fill
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History, Run

__all__ = ["ExperimentGraph", "Helix"]


@dataclass(frozen=True)
class Helix(CachePolicy):
    """HELIX's rule: keeps what took more than twice as long as it would take to load, while there is room.

    How long it took counts its ancestors: computed ones by their own time, loaded ones by loading. Nothing that is
    held is replaced by something better, but what the latest version of its workflow no longer makes is dropped first.
    Unknown seconds count as the median of their type. Without a limit all is kept: the rule is for saving room.

    The paper decides as a result goes out of scope, when its last consumer has ended; here results are asked in the
    order in which they were made. That changes only who comes first where the room ends. The full text was not at
    hand: the rule is as the paper is cited for it.

    Source: D. Xin et al., HELIX: Holistic Optimization for Accelerating Iterative Machine Learning, PVLDB 12(4), 2018
    (the streaming heuristic for OPT-MAT-PLAN, and its purge of deprecated results).
    """

    name: ClassVar[str] = "helix"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """What is held and current, then what is worth it in the order it was made. O(n log n) and one `_seconds`."""
        if capacity is None:
            return {one.key for one in candidates}
        latest = history.view(Latest)
        made_now = {family: {step.key for step in run.steps} for family, run in latest.runs(history).items()}
        valid = [one for one in candidates if one.key in made_now.get(one.family, {one.key})]
        seconds = _seconds(valid, history, loaded=latest.kept)
        worth = [
            one for one in valid if one.key in latest.kept or seconds[one.key] > 2 * history.load.seconds(one.bytes)
        ]
        return fill(sorted(worth, key=lambda one: (one.key not in latest.kept, one.created, one.key)), capacity)


class _Popularity:
    """A view of the history: how many runs each key was a part of."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()

    def observe(self, run: Run) -> None:
        """Each key counts once a run, whatever became of it."""
        self.runs.update({step.key for step in run.steps})

    def decided(self, kept: Set[str]) -> None:
        """What is kept makes nothing more popular."""


@dataclass(frozen=True)
class ExperimentGraph(CachePolicy):
    """The experiment graph's greedy choice: by frequency · recreation cost / bytes, where loading is the faster.

    Recreation cost counts all ancestors, whatever is kept of them; what loads no faster than that comes last. The
    paper's other term, the quality of the models that can be reached from an artifact, is unknown here, so its weight
    is 0. Its source data are always stored, as nothing can make them again; sources here are steps, and compete like
    all others. Unknown seconds count as the median of their type; a size of 0 counts as one byte.

    Source: B. Derakhshan et al., Optimizing Machine Learning Workloads in Collaborative Environments, SIGMOD 2020
    (the heuristics-based materialization), read in the authors' manuscript.
    """

    name: ClassVar[str] = "experiment-graph"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """The highest utilities that fit. O(n log n) and one `_seconds`."""
        past = history.view(_Popularity).runs
        live = Counter(key for run in history.live for key in {step.key for step in run.steps})
        seconds = _seconds(candidates, history, loaded=frozenset())

        def utility(one: Candidate) -> float:
            recreation = seconds[one.key]
            if history.load.seconds(one.bytes) >= recreation:
                return 0.0
            return (past[one.key] + live[one.key] or one.uses) * recreation / max(one.bytes, 1)

        return best(candidates, utility, capacity)


def _seconds(candidates: Sequence[Candidate], history: History, *, loaded: Set[str]) -> dict[str, float]:
    """What making each takes together with its ancestors, up to candidates that are loaded; see `recompute_seconds`."""
    from couler_plugins.caching.policies.subtrees import recompute_seconds

    graph = Ancestry.of(candidates, history)
    sizes = {one.key: one.bytes for one in candidates if one.key in loaded}
    loads = [history.load.seconds(sizes[key]) if key in sizes else None for key in graph.keys]
    return dict(zip(graph.keys, recompute_seconds(graph.parents, graph.seconds, loads), strict=True))
