"""The policy of the Couler paper to the letter: its Algorithm 2 with its equations as they are written."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

from benchmarks.baselines.arrivals import Arrivals
from couler_plugins.caching.policies.simple import fits
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.options.fields import check_range
from couler_plugins.runs import Candidate, History

__all__ = ["PaperLiteral"]


@dataclass(frozen=True)
class PaperLiteral(CachePolicy):
    """Algorithm 2 and Eq. 3 to 6 as they are written, for comparison with what they must have meant.

    It never scores what is new, evicts without asking whether that will help, and overshoots: while there is any room,
    whatever comes is taken. A cache with a limit cannot hold that, so in the end the lowest scores go until it fits.
    Unknown seconds count as the median of their type.

    Attributes:
        alpha: the weight of reconstruction cost.
        beta: the weight of reuse.
        unit: the bytes in one unit of V, which the paper does not name; a gigabyte here.

    Source: X. Wang et al., Couler: Unified Machine Learning Workflow Optimization in Cloud, ICDE 2024.
    """

    name: ClassVar[str] = "paper-literal"

    alpha: float = 1.5
    beta: float = 1.0
    unit: int = 10**9

    def __post_init__(self) -> None:
        for name, low in (("alpha", 0), ("beta", 0), ("unit", 1)):
            check_range(name, getattr(self, name), low, 1e18)

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """What Algorithm 2 leaves, trimmed. O(n) in numpy for each eviction, O(a) for each of n with a ancestors."""
        from benchmarks.baselines.literal_cache import (
            LiteralCache,
        )  # with numpy, which not all commands need

        if capacity is None or fits(candidates, capacity):
            return {one.key for one in candidates}
        arrivals = Arrivals(candidates, history)
        cache = LiteralCache(self, arrivals)
        for _ in cache.algorithm_2(capacity):
            pass
        while cache.bytes > capacity:
            cache.evict()
        return arrivals.keys(cache.members)
