"""Candidates in the order in which the paper's policies meet them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from benchmarks.baselines.latest import Latest
from benchmarks.baselines.scores import JobGraph
from couler_plugins.caching.policies.lineages import Ancestry
from couler_plugins.runs import Candidate, History

__all__ = ["Arrivals"]


class Arrivals:
    """Candidates as the paper meets them: what the cache holds, then each new one as its job ends.

    Attributes:
        graph: the jobs of the candidates, of all their ancestors, and of each workflow's latest run.
        candidates: by position in it.
        held: the positions of those that the cache holds.
        new: the positions of the others, in the order they were made.
        pending: the jobs that are still to come: those of live runs, and of what is new until it has been met.
    """

    def __init__(self, candidates: Sequence[Candidate], history: History) -> None:
        latest = history.view(Latest)
        ancestry = Ancestry.of(candidates, history, [*latest.runs(history).values(), *history.live])
        self.graph = JobGraph(ancestry.parents, ancestry.seconds)
        self.candidates = {ancestry.index[one.key]: one for one in candidates}
        order = sorted(self.candidates, key=lambda at: (self.candidates[at].created, at))
        self.held = [at for at in order if self.candidates[at].key in latest.kept]
        self.new = [at for at in order if self.candidates[at].key not in latest.kept]
        steps = (step for run in history.live for step in run.steps if step.fate == "pending")
        self.pending = {*self.new, *(ancestry.index[step.key] for step in steps)}

    def __iter__(self) -> Iterator[int]:
        """The new ones; each is no longer pending when it comes."""
        for at in self.new:
            self.pending.discard(at)
            yield at

    def keys(self, positions: Iterable[int]) -> Set[str]:
        """The keys of candidates."""
        return {self.candidates[at].key for at in positions}
