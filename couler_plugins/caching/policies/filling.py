"""How a cache of limited size is filled: the best first, each that still fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from typing import Any

from couler_plugins.runs import Candidate

__all__ = ["best", "fill", "fits"]


def fits(candidates: Iterable[Candidate], capacity: int | None) -> bool:
    """Whether all of them fit into `capacity` bytes; None is no limit."""
    return capacity is None or sum(candidate.bytes for candidate in candidates) <= capacity


def fill(order: Iterable[Candidate], capacity: int | None) -> Set[str]:
    """The keys of those that fit, taken in the order given; one that does not fit is passed over. Linear."""
    kept: set[str] = set()
    room = capacity
    for candidate in order:
        if room is None:
            kept.add(candidate.key)
        elif candidate.bytes <= room:
            kept.add(candidate.key)
            room -= candidate.bytes
    return kept


def best(candidates: Sequence[Candidate], worth: Callable[[Candidate], Any], capacity: int | None) -> Set[str]:
    """The keys of the worthiest that fit; of equals, the last used, then the smaller key. O(n log n)."""
    by_key = sorted(candidates, key=lambda one: one.key)
    return fill(sorted(by_key, key=lambda one: (worth(one), one.used), reverse=True), capacity)
