"""How far a local run is."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from couler_plugins.hookspecs.local import Ended
from couler_plugins.hookspecs.running import Phase, Status


class Progress:
    """Counts the programs of a run. `changed` is set whenever something has happened."""

    def __init__(self) -> None:
        self.changed = threading.Event()
        self._lock = threading.Lock()
        self._begun: dict[str, None] = {}
        self._running: dict[str, None] = {}
        self._ended: dict[str, Ended] = {}

    def begin(self, step: str) -> None:
        """A step is there, and waits for its turn."""
        with self._lock:
            self._begun[step] = None

    def start(self, step: str) -> None:
        """A step has its turn."""
        with self._lock:
            self._running[step] = None
        self.changed.set()

    def end(self, step: str, ended: Ended) -> None:
        """A step has ended."""
        with self._lock:
            self._running.pop(step, None)
            self._ended[step] = ended
        self.changed.set()

    def status(self, phase: Phase, message: str) -> Status:
        """The same for those who ask."""
        with self._lock:
            ended: Mapping[str, Ended] = dict(self._ended)
            return Status(
                phase=phase,
                message=message,
                done=len(ended),
                steps=len(self._begun),
                running=tuple(self._running),
                failed=tuple(step for step, item in ended.items() if item.bad),
            )
