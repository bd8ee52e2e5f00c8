"""Commands that stand in our place: signals go to them, their exit code is ours, their standard input counts."""

from __future__ import annotations

import hashlib
import os
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import IO, NamedTuple

NOT_FOUND, NOT_EXECUTABLE, BY_SIGNAL = 127, 126, 128
HANDED_ON = (
    *(signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP),
    *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGCONT),
)
FROM_THE_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGWINCH)


def run_command(
    command: Sequence[str], stdin: int | IO[bytes] | None = None, environment: Mapping[str, str] | None = None
) -> int:
    """Runs a command to its end and returns its exit code: 128 and the number of the signal that has killed it.

    Its standard streams, environment and folder are ours unless given. It must be called in the main thread.

    Args:
        command: the command line.
        stdin: what it has as its standard input instead of ours, as `subprocess.Popen` takes it.
        environment: what it has as its environment instead of ours.
    """
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []
    # A terminal sends these to all processes in front of it, the child among them.
    twice = FROM_THE_TERMINAL if sys.stdin is not None and sys.stdin.isatty() else ()

    def hand_on(number: int, frame: FrameType | None) -> None:
        if child is None:
            early.append(number)
        elif number not in twice:
            child.send_signal(number)

    # What is ignored (by nohup, say) stays so, for the child as well.
    heard = [number for number in HANDED_ON if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, hand_on) for number in heard}
    try:
        # A new process begins with default handlers for what is handled here, and starts after the handlers stand.
        child = subprocess.Popen(command, stdin=stdin, env=environment)  # noqa: S603  # running what the user gives is what this is for
        for number in early:
            child.send_signal(number)
        code = child.wait()
    except FileNotFoundError:
        return _not_started(command[0], "there is no such command", NOT_FOUND)
    except OSError as error:
        return _not_started(command[0], error.strerror or str(error), NOT_EXECUTABLE)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return BY_SIGNAL - code if code < 0 else code


def _not_started(name: str, reason: str, code: int) -> int:
    sys.stderr.write(f"error: cannot run {os.fsdecode(name)!r}: {reason}\n")
    return code


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
