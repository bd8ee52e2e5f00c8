"""Notices that an input changes between the moment that a key covers and the end of what reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from couler_plugins.caching.dataplane.states import State

__all__ = ["WatchedInputs"]


class WatchedInputs:
    """Files and folders, as they are now.

    A file that is changed and put back has its old content, but not its old times: so inode, size, mtime and ctime
    count, of all that is in a folder as well.

    Args:
        states: what gives the state of each, by the name that a message shows.

    Raises:
        InvalidInput: one is neither a file nor a folder.
        OSError: one cannot be read.
    """

    def __init__(self, states: Mapping[str, Callable[[], State]]) -> None:
        self._states = states
        self._before = {name: state() for name, state in states.items()}

    def changed(self) -> str:
        """Return the name of the first that is not what it was; empty where there is none.

        Raises:
            InvalidInput: one is neither a file nor a folder any more.
            OSError: one cannot be read.
        """
        return next((name for name, state in self._states.items() if state() != self._before[name]), "")
