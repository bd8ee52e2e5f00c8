"""Single flight: of those who miss one key, one computes, and the others wait for it or compute too."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from couler_plugins.caching.artifacts.entry import Entry, Meta
from couler_plugins.caching.artifacts.results import Closing, Existed, Hit, PutResult
from couler_plugins.caching.artifacts.sources import Outputs

T = TypeVar("T")

Put: TypeAlias = Callable[[str, Outputs, Meta, Entry | None], PutResult]
"""Stores a result under a key, in the place of an entry where one is given."""


class Claim(Closing):
    """The leave to compute a key; close it, or use it in a `with`.

    Attributes:
        key: the key.
        leader: whether nobody else computes it; False where another still does after the time that we would wait.
    """

    def __init__(
        self, key: str, put: Callable[[str, Outputs, Meta], PutResult], release: Callable[[], None] | None = None
    ) -> None:
        self.key = key
        self.leader = release is not None
        self._put = put
        self._release = release

    def put(self, outputs: Outputs, meta: Meta | None = None) -> PutResult:
        """Stores the result, as the cache's `put` does, and gives the claim up."""
        result = self._put(self.key, outputs, meta or Meta())
        self.close()
        return result

    def close(self) -> None:
        """Gives the claim up: whoever waits may compute now."""
        release, self._release = self._release, None
        if release is not None:
            release()


def hit_or_claim(look: Callable[[], Hit | None], claim: Callable[[], Claim | None]) -> Hit | Claim | None:
    """One look for a result, or the claim to compute it; None where somebody else has that.

    Args:
        look: finds the result.
        claim: claims its computing.
    """
    hit = look()
    if hit is not None:
        return hit
    claimed = claim()
    if claimed is None or not claimed.leader:
        return claimed
    hit = look()  # the one who held the claim may have stored the result after we had looked for that
    if hit is not None:
        claimed.close()
    return hit or claimed


def replacing(put: Put, usable: Callable[[Entry], bool]) -> Callable[[str, Outputs, Meta], PutResult]:
    """A `put` that takes the place of what the key has, where that does not count."""

    def replace(key: str, outputs: Outputs, meta: Meta) -> PutResult:
        result = put(key, outputs, meta, None)
        if isinstance(result, Existed) and not usable(result.entry):
            return put(key, outputs, meta, result.entry)
        return result

    return replace


def wait_for(look: Callable[[], T | None], seconds: float) -> T | None:
    """Looks until there is something or the time is over; once at least."""
    deadline = time.monotonic() + seconds
    pause = 0.02
    while True:
        result = look()
        remaining = deadline - time.monotonic()
        if result is not None or remaining <= 0:
            return result
        time.sleep(min(pause, remaining))
        pause = min(2 * pause, 0.5)
