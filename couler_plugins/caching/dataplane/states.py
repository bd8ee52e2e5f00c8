"""What a file or folder is like at a moment: two states differ once something has been written or changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

__all__ = ["State", "Status", "state_of", "status_of"]


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
        found = {"": status_of(path.lstat()), os.fspath(path): status_of(path.stat())}
    except FileNotFoundError:
        return {}
    for at, *names in os.walk(path, onerror=_refuse) if path.is_dir() else ():
        inner = (os.path.join(at, name) for kind in names for name in kind)  # noqa: PTH118  # of many, a Path is slow
        found |= {name: status_of(os.lstat(name)) for name in inner}
    return found


def status_of(found: os.stat_result) -> Status:
    """Return what counts of a stat."""
    return Status(
        stat.S_IFMT(found.st_mode), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    )


def _refuse(error: OSError) -> None:
    raise error
