"""Simple policies: none, all, FIFO, LRU and LFU; and how a cache of limited size is filled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any, ClassVar

from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History


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


@dataclass(frozen=True)
class Nothing(CachePolicy):
    """Keeps nothing: what the others are measured from."""

    name: ClassVar[str] = "none"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """No key at all."""
        return frozenset()


@dataclass(frozen=True)
class Everything(CachePolicy):
    """Keeps all that it is given, for caches without a limit; under one, what came first, and it replaces nothing."""

    name: ClassVar[str] = "all"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """Every key; under a capacity, the oldest that fit. O(n log n)."""
        return fill(sorted(candidates, key=lambda one: (one.created, one.key)), capacity)


@dataclass(frozen=True)
class Fifo(CachePolicy):
    """First in, first out: keeps what was made last."""

    name: ClassVar[str] = "fifo"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """The newest that fit. O(n log n)."""
        return best(candidates, lambda one: one.created, capacity)


@dataclass(frozen=True)
class Lru(CachePolicy):
    """Least recently used goes first."""

    name: ClassVar[str] = "lru"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """The last used that fit; of those used together, the newest. O(n log n)."""
        return best(candidates, lambda one: (one.used, one.created), capacity)


@dataclass(frozen=True)
class Lfu(CachePolicy):
    """Least frequently used goes first; among equals, the least recently used."""

    name: ClassVar[str] = "lfu"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """The most used that fit. O(n log n)."""
        return best(candidates, lambda one: one.uses, capacity)
