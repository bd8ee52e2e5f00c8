"""Heartbeats renew what a process holds in the index or the store, and end in forked children."""

from __future__ import annotations

import itertools
import logging
import os
import threading
import weakref
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Protocol
from weakref import WeakSet

from couler_plugins.caching.reads.dispatch import unobserved
from couler_plugins.net.redacting import redact


class Forked(Protocol):
    """Something that begins anew in a forked process."""

    def forked(self) -> None:
        """Makes new locks and forgets what the parent holds; called in the child, which has no other thread yet."""


_known: WeakSet[Forked] = WeakSet()


def begins_anew(one: Forked) -> None:
    """Sees to it that `forked` is called in every child that this process forks, for as long as the object lives."""
    _known.add(one)


def _in_child() -> None:
    for one in list(_known):
        one.forked()


os.register_at_fork(after_in_child=_in_child)


log = logging.getLogger(__name__)

Release = Callable[[], object]
"""Ends something that is held; may raise OSError."""


class Hold:
    """Something that is held, until it is called, or nobody has it any more."""

    def __init__(self, end: Callable[[], None], dropped: Callable[[], None]) -> None:
        self._end = end
        self._dropped = weakref.finalize(self, dropped)
        self._dropped.atexit = False  # what a process held that is over ends by itself

    def __call__(self) -> None:
        """Ends it; a second time, or in a forked process, nothing happens.

        Raises:
            OSError: the store or the index failed; it is tried again at the next heartbeat.
        """
        if self._dropped.detach() is not None:
            self._end()


class Heartbeat:
    """A thread that calls `renew` at every third of a lease's lifetime while anything is held.

    It knows what is held by the number of it only: what its holder forgets is ended by the next beat. A forked process
    holds nothing of what its parent holds, and neither renews nor ends it.

    Args:
        renew: prolongs what is held; may raise OSError.
        period: seconds between two calls.
    """

    def __init__(self, renew: Callable[[], None], period: float) -> None:
        self._renew = renew
        self._period = period
        self._numbers = itertools.count()
        self.forked()
        begins_anew(self)

    def forked(self) -> None:
        """Holds nothing, with a lock of its own."""
        self._lock = threading.Lock()
        self._held: dict[int, Release] = {}
        self._stop: threading.Event | None = None
        # A finalizer runs anywhere, also while this thread has the lock: it may only put something into a queue.
        self._over: SimpleQueue[int] = SimpleQueue()

    def hold(self, release: Release) -> Hold:
        """Begins to renew; what is returned ends that, by `release`, once it is called or nobody has it any more."""
        number = next(self._numbers)
        with self._lock:
            self._held[number] = release
            if self._stop is None:
                self._stop = threading.Event()
                name = "couler-cache-heartbeat"
                threading.Thread(target=self._run, args=(self._stop,), name=name, daemon=True).start()
        return Hold(partial(self._end, number), partial(self._over.put, number))

    def close(self) -> None:
        """Ends the thread, and forgets what is held."""
        with self._lock:
            self._held.clear()
            if self._stop is not None:
                self._stop.set()
                self._stop = None

    def _end(self, number: int) -> None:
        with self._lock:
            release = self._held.get(number)
        if release is None:
            return
        try:
            release()
        except BaseException:  # also where it is interrupted: else it would be renewed for ever
            self._over.put(number)
            raise
        with self._lock:
            self._held.pop(number, None)

    def _run(self, stop: threading.Event) -> None:
        with unobserved():  # what it does is no part of the step that is observed meanwhile
            self._beat(stop)

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(self._period):
            self._end_forgotten()
            with self._lock:
                if not self._held:
                    self._stop = None if self._stop is stop else self._stop
                    return
            try:
                self._renew()
            except OSError as error:
                if not stop.is_set():
                    log.warning("leases could not be renewed: %s", redact(error))

    def _end_forgotten(self) -> None:
        """Ends what was dropped without being closed, and what could not be ended when it was."""
        try:
            for _ in range(self._over.qsize()):
                self._end(self._over.get_nowait())
        except Empty:
            return
        except OSError as error:
            log.warning("a lease could not be ended: %s", redact(error))
