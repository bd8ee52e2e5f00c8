"""One process at a time works in the folder of a run."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from couler_plugins.errors import InvalidInput

LOCK = "lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps others from running in a folder, which is made, until the end of the block; the lock goes with the process.

    Raises:
        InvalidInput: another process is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = "this run is at work in another process"
            raise InvalidInput(message, file=str(folder), hint="wait for it, or stop it") from None
        yield
    finally:
        os.close(descriptor)


def is_locked(folder: Path) -> bool:
    """Whether a process is at work in a folder."""
    try:
        with locked(folder):
            return False
    except InvalidInput:
        return True
