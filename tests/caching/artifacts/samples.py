"""Small caches: a clock that stands, a policy that is easy to foretell, and results of a given size."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.caching.artifacts import (
    ArtifactCache,
    Existed,
    Meta,
    Refused,
    Stored,
)
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History


class Clock:
    """A clock that stands until it is set."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Costly(CachePolicy):
    """Keeps what took longest."""

    name: ClassVar[str] = "costly"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        kept: set[str] = set()
        room = capacity if capacity is not None else sum(one.bytes for one in candidates)
        for one in sorted(candidates, key=lambda one: (-(one.seconds or 0.0), one.key)):
            if one.bytes <= room:
                kept.add(one.key)
                room -= one.bytes
        return kept


def keys(cache: ArtifactCache) -> list[str]:
    return [entry.key for entry in cache.entries()]


def put(cache: ArtifactCache, key: str, size: int, seconds: float) -> Stored | Existed | Refused:
    return cache.put(key, {"out": key.encode().ljust(size, b".")}, Meta(seconds=seconds))
