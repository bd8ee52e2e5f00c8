"""Renews what a process holds in the index for as long as it holds it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable

__all__ = ["Heartbeat"]

log = logging.getLogger(__name__)


class Heartbeat:
    """A thread that calls `renew` at every third of a lease's lifetime while anything is held.

    Args:
        renew: prolongs what is held; may raise OSError.
        period: seconds between two calls.
    """

    def __init__(self, renew: Callable[[], None], period: float) -> None:
        self._renew = renew
        self._period = period
        self._lock = threading.Lock()
        self._held, self._process = 0, os.getpid()
        self._stop: threading.Event | None = None

    def begin(self) -> None:
        """Something more is held."""
        with self._lock:
            if self._process != os.getpid():  # a fork has copied the count, and not the thread
                self._held, self._process, self._stop = 0, os.getpid(), None
            self._held += 1
            if self._stop is None:
                self._stop = threading.Event()
                name = "couler-cache-heartbeat"
                threading.Thread(target=self._run, args=(self._stop,), name=name, daemon=True).start()

    def end(self) -> None:
        """Something is held no more; the thread ends with the last."""
        with self._lock:
            self._held = max(0, self._held - 1)

    def close(self) -> None:
        """Ends the thread."""
        with self._lock:
            if self._stop is not None:
                self._stop.set()
                self._stop = None

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(self._period):
            with self._lock:
                if not self._held:
                    self._stop = None if self._stop is stop else self._stop
                    return
            try:
                self._renew()
            except OSError as error:
                log.warning("leases could not be renewed: %s", error)
