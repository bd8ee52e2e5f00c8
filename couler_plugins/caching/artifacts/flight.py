"""Single flight: of those who miss one key, one computes, and the others wait for it or compute too."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from couler_plugins.caching.artifacts.entry import Meta
from couler_plugins.caching.artifacts.hits import Hit
from couler_plugins.caching.artifacts.results import PutResult
from couler_plugins.caching.artifacts.sources import Outputs

__all__ = ["Claim", "wait_for"]


class Claim:
    """The leave to compute a key; close it, or use it in a `with`.

    Attributes:
        key: the key.
        leader: whether nobody else computes it; False where another still does after the time that we would wait.
    """

    def __init__(
        self, key: str, leader: bool, put: Callable[[str, Outputs, Meta], PutResult], release: Callable[[], None]
    ) -> None:
        self.key = key
        self.leader = leader
        self._put = put
        self._release: Callable[[], None] | None = release

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

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def wait_for(look: Callable[[], Hit | Claim | None], seconds: float) -> Hit | Claim | None:
    """Looks until there is something or the time is over; once at least."""
    deadline = time.monotonic() + seconds
    pause = 0.02
    while True:
        found = look()
        left = deadline - time.monotonic()
        if found is not None or left <= 0:
            return found
        time.sleep(min(pause, left))
        pause = min(2 * pause, 0.5)
