"""A time limit for work that waits for a store or a network."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

__all__ = ["time_limit"]

AGAIN = (
    5.0  # seconds after which it is raised once more, in case that something has swallowed it; cleaning up has as many
)


class _Expired(BaseException):
    """Not an Exception: what retries or ignores errors must not take it for one."""


@contextlib.contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Ends the block with an error when it takes longer; None for no limit. For the main thread only.

    Raises:
        TimeoutError: the time is up.
    """
    if seconds is None:
        yield
        return

    def expire(number: int, frame: FrameType | None) -> None:
        raise _Expired

    before = signal.signal(signal.SIGALRM, expire)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3), AGAIN)
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except _Expired:
        raise TimeoutError(f"it has taken longer than {seconds:g} s") from None
    finally:
        signal.signal(signal.SIGALRM, before)
