"""What is raised where a result cannot be handed out."""

from __future__ import annotations

from couler_plugins.errors import EngineError

__all__ = ["Closed", "Damaged", "Lost"]


class Lost(EngineError):
    """A blob of a result is missing, damaged or cannot be read: the caller should go on as after a miss."""


class Damaged(Lost):
    """The blob itself is missing or wrong: reading it again would not help, and its entry is dropped."""


class Closed(OSError):
    """The cache was asked for something after it had been closed."""
