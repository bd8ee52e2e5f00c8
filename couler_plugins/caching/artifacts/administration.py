"""What people ask of a cache: what it holds, what goes, and whether all is right. Its failures are errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from couler_plugins.caching.artifacts.admission import shrink
from couler_plugins.caching.artifacts.backend import Backend
from couler_plugins.caching.artifacts.entry import Closed, Entry, bytes_of
from couler_plugins.caching.artifacts.results import Report, Stats
from couler_plugins.caching.artifacts.sources import check_key
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.policies import CachePolicy
from couler_plugins.net.redacting import redact
from couler_plugins.runs import Candidate, History

T = TypeVar("T")


class Administration:
    """One namespace of a cache, for those who look after it.

    Everything here raises EngineError where the store or the index fails, and when the cache is closed.
    """

    def __init__(self, backend: Backend, policy: Callable[[], CachePolicy], history: History) -> None:
        self._open: Backend | None = backend
        self._policy = policy
        self._history = history

    def pin(self, key: str, seconds: float) -> bool:
        """Keeps a result from being evicted for that long; False where there is none."""
        check_key(key)
        if not (math.isfinite(seconds) and seconds >= 0):
            raise InvalidInput(f"a pin of {seconds} seconds makes no sense", hint="give a finite number, 0 or more")
        return self._ask(lambda backend: backend.pin(key, seconds))

    def unpin(self, key: str) -> bool:
        """Ends a pin; False where there is none."""
        check_key(key)
        return self._ask(lambda backend: backend.unpin(key))

    def find(self, key: str) -> Entry | None:
        """The result of a key; None where there is none."""
        check_key(key)
        return self._ask(lambda backend: backend.find(key))

    def remove(self, key: str) -> bool:
        """Takes out a result, also one that is pinned; who reads it reads on. False where there is none."""
        check_key(key)

        def remove(backend: Backend) -> bool:
            entry = backend.find(key)
            return entry is not None and backend.drop(entry)

        return self._ask(remove)

    def evict(self, capacity: float, policy: CachePolicy | None = None) -> tuple[Entry, ...]:
        """Takes out what is worth least until the namespace holds at most so many bytes; says what went.

        What is being read or pinned stays, also where more than `capacity` remains for that.

        Args:
            capacity: bytes; UNLIMITED for any number.
            policy: decides, as it does at the end of a run (default: the cache's own).
        """

        def evict(backend: Backend) -> tuple[Entry, ...]:
            kept = backend.kept()
            free = [item for item in kept if item.free]
            room = capacity - sum(item.entry.bytes for item in kept if not item.free)
            stay = {item.entry.key for item in free}
            if bytes_of(item.entry for item in kept) > capacity:
                stay &= shrink(policy or self._policy(), self._history, free, int(room))
            # Also where nothing goes: what went before may have left bytes that nobody needs.
            return tuple(backend.evict([item.entry for item in free if item.entry.key not in stay]))

        return self._ask(evict)

    def entries(self) -> list[Entry]:
        """All results of the namespace, by key."""
        return [item.entry for item in self._ask(lambda backend: backend.kept())]

    def uses(self) -> list[tuple[Entry, int | None]]:
        """All results of the namespace, by key, and how often each was made or used; None where nobody counts that."""
        return self._ask(
            lambda backend: [(item.entry, item.uses if backend.counts_uses else None) for item in backend.kept()]
        )

    def candidates(self) -> list[Candidate]:
        """All results of the namespace as policies see them, by key."""
        kept = self._ask(lambda backend: backend.kept())
        return [item.entry.candidate(used=item.used, uses=item.uses) for item in kept]

    def stats(self) -> Stats:
        """What the cache holds."""
        return self._ask(lambda backend: backend.stats())

    def verify(self, *, repair: bool = False) -> Report:
        """Reads all blobs of the namespace and compares entries, store and counts; mends what is wrong if asked to."""
        return self._ask(lambda backend: backend.verify(repair=repair))

    def rebuild(self) -> int:
        """Finds the results again that the store has and the index does not; how many."""
        return self._ask(lambda backend: backend.rebuild())

    @property
    def _backend(self) -> Backend:
        """What keeps the entries.

        Raises:
            Closed: the cache is closed.
        """
        if self._open is None:
            raise Closed("the cache is closed")
        return self._open

    def _ask(self, question: Callable[[Backend], T]) -> T:
        """The answer to what people ask.

        Raises:
            EngineError: the store or the index failed, or the cache is closed.
        """
        try:
            return question(self._backend)
        except Closed as error:
            raise EngineError(str(error)) from None
        except (OSError, ValueError) as error:
            raise EngineError(f"the cache failed: {redact(error)}") from None
