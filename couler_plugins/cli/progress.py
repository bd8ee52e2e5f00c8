"""Shows what is going on while it takes long: on a terminal, on stderr."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from couler_plugins.config import Config

if TYPE_CHECKING:
    from rich.status import Status

__all__ = ["Progress"]

PATIENCE = 1.0  # seconds; what is done sooner needs no display
log = logging.getLogger(__name__)


class Progress:
    """A function that takes messages, to be used in a `with` block."""

    def __init__(self, config: Config) -> None:
        self._wanted = config.log_level != "error" and sys.stderr is not None and sys.stderr.isatty()
        self._started = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, message: str) -> None:
        """Shows a message until the next one comes."""
        log.info("%s", message)
        if not self._wanted or time.monotonic() - self._started < PATIENCE:
            return
        if self._status is None:
            from rich.console import Console

            self._status = Console(stderr=True).status(message, spinner="line")
            self._status.start()
        self._status.update(message)
