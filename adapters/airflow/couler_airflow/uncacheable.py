"""Why a task runs as it would without us."""

from __future__ import annotations

from couler_plugins.errors import Unsupported

__all__ = ["Uncacheable"]


class Uncacheable(Unsupported):
    """A task whose result nobody can tell to be known; the message is the reason, and never holds a value."""
