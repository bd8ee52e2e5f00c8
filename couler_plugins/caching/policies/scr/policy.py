"""SCR-EM as a policy. What it works with is imported when it first decides: listing the policies stays fast."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.caching.policies.gdsf import GdsfSubtree
from couler_plugins.hookspecs.policies import CachePolicy
from couler_plugins.runs import Candidate, History


@dataclass(frozen=True)
class Scr(CachePolicy):
    """Keeps what makes the next runs cheapest on average: scenario choice under a learned edit model (SCR-EM).

    What a workflow's owner will change next is drawn from a mixture of edit generators whose weights are learned run by
    run (expectation maximisation). From it come weighted scenarios of the next run; a local search finds the artifacts
    that make its expected cost least. Nothing depends on clocks: the same history gives the same choice.
    """

    name: ClassVar[str] = "scr"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """The keys of those that are worth keeping; together they take at most `capacity` bytes."""
        sizes = {candidate.key: candidate.bytes for candidate in candidates}
        if capacity is None or sum(sizes.values()) <= capacity:
            return frozenset(sizes)
        from couler_plugins.caching.policies.scr.decision import decide

        return decide(candidates, capacity, history)

    def online(self) -> CachePolicy:
        """In the middle of a run: GDSF with the cost of the subtree."""
        return GdsfSubtree()
