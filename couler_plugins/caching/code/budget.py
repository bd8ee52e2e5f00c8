"""How much of a value a key may look at: a key that takes longer than the task is worth nothing."""

from __future__ import annotations

import time

from couler_plugins.caching.code.uncacheable import Uncacheable

VALUES = 100_000
BYTES = 64 << 20
SECONDS = 1.0
"""Of CPU: on a busy machine the same values are within it."""
DEEPEST = 60
OFTEN = 1024


class Budget:
    """Counts what a key has looked at.

    Args:
        values: how many values it may look at.
        size: how many bytes of texts, bytes and arrays it may digest.
        seconds: how much CPU time it may take.
    """

    def __init__(self, values: int = VALUES, size: int = BYTES, seconds: float = SECONDS) -> None:
        self._values, self._size = values, size
        self._ends = time.thread_time() + seconds
        self._looked = 0

    def spend(self, depth: int, size: int = 0) -> None:
        """Count one more value.

        Args:
            depth: in how many others it is.
            size: its bytes.

        Raises:
            Uncacheable: that is too many, too much, or too deep.
        """
        self._looked += 1
        self._size -= size
        if self._looked > self._values:
            raise _too_much(f"it holds more than {self._values:,} values")
        if self._size < 0:
            raise _too_much(f"it holds more than {BYTES >> 20} MB")
        if depth > DEEPEST:
            raise _too_much(f"its values are nested more than {DEEPEST} deep")
        if self._looked % OFTEN == 0 and time.thread_time() > self._ends:
            raise _too_much("it takes too long to look at its values")


def _too_much(reason: str) -> Uncacheable:
    return Uncacheable(f"{reason}: no key is made of it", rule="too-large")
