"""Contract of replacement policies: they choose which artifacts a cache of limited size keeps."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import ClassVar, Protocol

from couler_plugins.markers import hookspec
from couler_plugins.runs import Candidate, History

__all__ = ["CachePolicy", "couler_cache_policies"]


class CachePolicy(Protocol):
    """A rule of what to keep: a frozen dataclass whose fields are its options.

    The simulator, the artifact cache and the evictors of engines use it alike. It is deterministic, holds no state of
    its own (what it learns is a `View` of the history), reads no clock, and takes what it is given as data.
    """

    name: ClassVar[str]
    """Kebab-case, unique among all plugins; how `policy=` names it."""

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        """The keys of those candidates that are worth keeping; together they take at most `capacity` bytes.

        Args:
            candidates: what the cache holds and what could be added, each key once.
            capacity: bytes; None where there is no limit.
            history: the runs so far, and those that go on.
        """

    def online(self) -> CachePolicy:
        """The policy that decides on one artifact at a time in the middle of a run; the same unless it says another."""
        return self


@hookspec
def couler_cache_policies() -> list[type[CachePolicy]]:  # type: ignore[empty-body]  # pluggy wants none
    """Return the replacement policies of this plugin."""
