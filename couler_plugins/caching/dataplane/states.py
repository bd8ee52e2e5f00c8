"""What a file or folder is like at a moment: two states differ once something has been written or changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

__all__ = ["State", "Status", "WatchedInputs", "state_of", "status_of"]


class Status(NamedTuple):
    """What becomes another one once something is written or changed, be it with the same bytes.

    Attributes:
        kind: file, folder or link, as `stat.S_IFMT` tells them apart.
        device: the device that it is on.
        inode: its number there.
        bytes: its size.
        written: when its content was written, in ns.
        changed: when its inode was changed, in ns: also by a new name, another mode or another owner.
    """

    kind: int
    device: int
    inode: int
    bytes: int
    written: int
    changed: int


State: TypeAlias = Mapping[str, Status]
"""Of a file, or of a folder and all that is in it, by path."""


def state_of(path: Path) -> State:
    """Return the state of a file or folder; it is empty where there is none.

    Where the path is a link, the link itself counts, too.

    Raises:
        OSError: it cannot be read.
    """
    try:
        statuses = {"": status_of(path.lstat()), os.fspath(path): status_of(path.stat())}
    except FileNotFoundError:
        return {}
    for at, *names in os.walk(path, onerror=_refuse) if path.is_dir() else ():
        inner = (os.path.join(at, name) for kind in names for name in kind)  # noqa: PTH118  # of many, a Path is slow
        statuses |= {name: status_of(os.lstat(name)) for name in inner}
    return statuses


def status_of(result: os.stat_result) -> Status:
    """Return what counts of a stat."""
    return Status(
        stat.S_IFMT(result.st_mode),
        result.st_dev,
        result.st_ino,
        result.st_size,
        result.st_mtime_ns,
        result.st_ctime_ns,
    )


def _refuse(error: OSError) -> None:
    raise error


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
