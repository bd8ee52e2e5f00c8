"""The standard input of a command as an input of its result."""

from __future__ import annotations

import hashlib
import os
import select
import shutil
import socket
import stat
import tempfile
from typing import IO, NamedTuple

__all__ = ["SpooledInput", "has_nothing", "spooled"]

STDIN = 0


class SpooledInput(NamedTuple):
    """All that there was to read.

    Attributes:
        stream: a temporary file with it, at its beginning.
        sha256: of its bytes.
    """

    stream: IO[bytes]
    sha256: str


def spooled(descriptor: int = STDIN) -> SpooledInput:
    """Read the standard input to its end into a temporary file.

    Raises:
        OSError: it cannot be read, or the disk is full.
    """
    stream = tempfile.TemporaryFile()  # noqa: SIM115  # the command has it; it is gone when it is closed
    with open(descriptor, "rb", closefd=False) as source:
        shutil.copyfileobj(source, stream)
    stream.seek(0)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    stream.seek(0)
    return SpooledInput(stream, digest)


def has_nothing(descriptor: int = STDIN) -> bool:
    """Return whether there is surely nothing to read: it is closed, at its end, /dev/null, or a terminal.

    A terminal counts, as a command that asks people has no result to keep. A pipe that is open has something, or may
    have it later.
    """
    try:
        status = os.fstat(descriptor)
    except OSError:
        return True  # closed
    try:
        if stat.S_ISREG(status.st_mode):
            return os.lseek(descriptor, 0, os.SEEK_CUR) >= status.st_size
        if stat.S_ISCHR(status.st_mode):
            return os.isatty(descriptor) or status.st_rdev == os.stat(os.devnull).st_rdev  # noqa: PTH116
        if stat.S_ISSOCK(status.st_mode):
            return _socket_is_over(descriptor)
        return stat.S_ISFIFO(status.st_mode) and _pipe_is_over(descriptor)
    except OSError:
        return False


def _pipe_is_over(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    events = dict(poll.poll(0)).get(descriptor, 0)
    return bool(events & select.POLLHUP) and not events & select.POLLIN


def _socket_is_over(descriptor: int) -> bool:
    with socket.socket(fileno=os.dup(descriptor)) as end:
        try:
            return not end.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
