"""A time limit for work that waits for a store or a network."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from types import FrameType

AGAIN = (
    0.5  # seconds after which the block is ended once more: what it does to clean up may wait for the network as well
)

_may_end: ContextVar[bool] = ContextVar("_may_end", default=True)
"""Whether what is going on may be ended."""


class Expired(TimeoutError):
    """The time is up."""


class _Ended(BaseException):
    """Not an Exception: what retries or ignores errors must not take it for one."""


@contextlib.contextmanager
def time_limit(seconds: float | None) -> Iterator[Callable[[], None]]:
    """Ends the block with an error when it takes longer; None for no limit. For the main thread only.

    Yields:
        What gives the block as much time once more.

    Raises:
        Expired: the time is up.
    """
    if seconds is None:
        yield lambda: None
        return

    over = False

    def end(number: int, frame: FrameType | None) -> None:
        if _may_end.get() and not over:
            raise _Ended

    def start() -> None:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3), AGAIN)

    before = signal.signal(signal.SIGALRM, end)
    try:
        try:
            start()
            yield start
        finally:
            over = True
    except _Ended:  # be it in the moment in which the block has ended
        over = True
        raise Expired(f"it has taken longer than {seconds:g} s") from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)  # what comes after it would end the process
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def without_limit() -> Iterator[None]:
    """Lets a block come to its end whatever the time: one that only puts things in order on this machine."""
    before = _may_end.set(False)
    try:
        yield
    finally:
        _may_end.reset(before)
