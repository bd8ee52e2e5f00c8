"""Notices that two commands on this machine make the same outputs at the same time: one may write into the other's.

A lock is a file in the folder for temporary files. At the end, its owner looks whether somebody else has marked it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

__all__ = ["OutputLocks"]

FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class OutputLocks:
    """The locks of some outputs. Where there can be none (a full disk, say), nothing is noticed."""

    def __init__(self) -> None:
        self._held: dict[Path, int] = {}

    def take(self, paths: Iterable[Path]) -> list[Path]:
        """Take the locks of some places, and return those that others hold: they are told."""
        return [path for path in paths if not self._take(path)]

    def disturbed(self) -> list[Path]:
        """Return the places that others have wanted since."""
        return [path for path, lock in self._held.items() if os.fstat(lock).st_size]

    def close(self) -> None:
        """Give all locks up."""
        for lock in self._held.values():
            os.close(lock)
        self._held.clear()

    def _take(self, path: Path) -> bool:
        with contextlib.suppress(OSError):
            lock = os.open(_file_of(path), FLAGS, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.write(lock, b"!")
                os.close(lock)
                return False
            os.ftruncate(lock, 0)
            self._held[path] = lock
        return True


def _file_of(path: Path) -> Path:
    """Where the lock of a place is.

    Raises:
        OSError: there can be none, or the folder is somebody else's.
    """
    folder = Path(tempfile.gettempdir(), f"couler-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid() or folder.is_symlink():
        raise PermissionError(str(folder))
    return folder / hashlib.sha256(os.fsencode(path)).hexdigest()
