"""What a forked process must not take over from its parent: locks that nobody would release, and what is held."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet

__all__ = ["Forked", "begins_anew"]


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
