"""Dispatch: who observes now, and that nothing of what observers do themselves is recorded."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from couler_plugins.caching.reads.callers import HERE, module_of
from couler_plugins.caching.reads.digests import Unusable

if TYPE_CHECKING:
    from couler_plugins.caching.reads.recorder import Recorder


class Guard(threading.local):
    """Whether the thread works for an observer.

    Attributes:
        is_set: whether it does.
    """

    is_set = False


class Active:
    """All that observe now.

    Attributes:
        recorders: their recorders.
    """

    __slots__ = ("recorders",)

    def __init__(self) -> None:
        self.recorders: tuple[Recorder, ...] = ()


active = Active()
guard = Guard()


def is_observed() -> bool:
    """Tell whether what this thread does is to be recorded."""
    return bool(active.recorders) and not guard.is_set


@contextlib.contextmanager
def unobserved() -> Iterator[None]:
    """Record nothing of what this thread does inside."""
    before, guard.is_set = guard.is_set, True
    try:
        yield
    finally:
        guard.is_set = before


def dispatch(note: Callable[[Recorder], None]) -> None:
    """Have all recorders note something. If one fails, its observation is unusable, and the code goes on."""
    guard.is_set = True
    try:
        for recorder in active.recorders:
            try:
                note(recorder)
            except Exception as error:
                # A signal's handler may have raised it, such as a time limit: that is the code's.
                if not _is_ours(error.__traceback__):
                    raise
                recorder.fail(_reason(error))
    finally:
        guard.is_set = False


def _reason(error: Exception) -> str:
    if isinstance(error, Unusable):
        return str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{os.fsdecode(error.filename)} cannot be read: {error.strerror}"
    return f"it cannot be followed: {type(error).__name__}"


def _is_ours(traceback: TracebackType | None) -> bool:
    """Tell whether an error comes from our code, or from the standard library as we have called it."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return True
    file = traceback.tb_frame.f_code.co_filename
    return file.startswith(HERE) or module_of(file) != ""


def forget() -> None:
    """Observe no more, in a process that was forked: what it does is not seen by the one that asks."""
    active.recorders = ()
    guard.is_set = False
