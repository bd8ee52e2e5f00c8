"""What an output is like before and after something runs: whether that has written it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

__all__ = ["State", "state_of"]

State: TypeAlias = frozenset[tuple[str, int, int, int, int, int]]
"""Of a file, or a folder and all that is in it: path, device, inode, bytes, and times of content and inode in ns."""


def state_of(path: Path) -> State:
    """The state of a file or folder; it is empty where there is none, and another one once something is written.

    Raises:
        OSError: it cannot be read.
    """
    try:
        found = [(os.fspath(path), path.stat())]
    except FileNotFoundError:
        return frozenset()
    for at, *names in os.walk(path, onerror=_refuse) if path.is_dir() else ():
        inner = (os.path.join(at, name) for kind in names for name in kind)  # noqa: PTH118  # of many, a Path is slow
        found += [(name, os.lstat(name)) for name in inner]
    return frozenset(
        (name, one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns) for name, one in found
    )


def _refuse(error: OSError) -> None:
    raise error
