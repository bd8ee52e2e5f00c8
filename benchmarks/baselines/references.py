"""LRC: the artifact that the fewest steps are waiting for goes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

from benchmarks.baselines.latest import Latest
from couler_plugins.caching.policies.simple import best
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History, Run

__all__ = ["Lrc"]


@dataclass(frozen=True)
class Lrc(CachePolicy):
    """Keeps what the most pending consumers read; among equals, the last used.

    Pending are the steps of live runs that are still to come, and those of the next run of each workflow, which is
    expected to be like its last one (the paper's profile of recurring applications). The result of a step without
    consumers is read once, by whoever started the run, as an action reads the last data set of a Spark job.

    Source: Y. Yu et al., LRC: Dependency-Aware Cache Management for Data Analytics Clusters, INFOCOM 2017.
    """

    name: ClassVar[str] = "lrc"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """The most referenced that fit. O(n log n), and linear in the latest run of each workflow."""
        references: Counter[str] = Counter()
        for run in history.view(Latest).runs(history).values():
            references += _references(run, pending=False)
        for run in history.live:
            references += _references(run, pending=True)
        return best(candidates, lambda one: references[one.key], capacity)


def _references(run: Run, *, pending: bool) -> Counter[str]:
    """How often each key is read by the steps of a run, or by those that are still to come alone."""
    readers = [step for step in run.steps if not pending or step.fate == "pending"]
    read = Counter(run.steps[parent].key for step in readers for parent in set(step.parents))
    inner = {parent for step in run.steps for parent in step.parents}
    return read + Counter(step.key for at, step in enumerate(run.steps) if at not in inner)
