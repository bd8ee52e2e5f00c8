"""What an output is like before and after something runs: what of it that has written."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias

__all__ = ["State", "state_of", "unwritten"]


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
    """The state of a file or folder; it is empty where there is none.

    Raises:
        OSError: it cannot be read.
    """
    try:
        found = {os.fspath(path): _status(path.stat())}
    except FileNotFoundError:
        return {}
    for at, *names in os.walk(path, onerror=_refuse) if path.is_dir() else ():
        inner = (os.path.join(at, name) for kind in names for name in kind)  # noqa: PTH118  # of many, a Path is slow
        found |= {name: _status(os.lstat(name)) for name in inner}
    return found


def unwritten(before: State, after: State) -> list[str]:
    """What was there before and nothing has written since, sorted: whatever its name, mode and owner are by now.

    Of folders, only those count that are empty, and all that there is.
    """
    old = {_written(status) for status in before.values()}
    left = sorted(name for name, status in after.items() if not stat.S_ISDIR(status.kind) and _written(status) in old)
    return left or (sorted(after) if before == after else [])


def _written(status: Status) -> Status:
    """What only writing makes another one."""
    return status._replace(changed=0)


def _status(found: os.stat_result) -> Status:
    return Status(
        stat.S_IFMT(found.st_mode), found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    )


def _refuse(error: OSError) -> None:
    raise error
