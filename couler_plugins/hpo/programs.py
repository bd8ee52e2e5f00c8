"""A program that runs while somebody reads what it prints."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

__all__ = ["Program", "running"]


class Program:
    """A program.

    Attributes:
        lines: what it prints, line by line, while it runs.
        late: whether it was ended since it took too long.
        code: how it ended; None while it runs, or where nobody waited for its end.
    """

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines, self.late = lines, False
        self.code: int | None = None


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], timeout: float | None) -> Iterator[Program]:
    """Runs a program until it ends, or the block does: then it is ended, with whatever it has started.

    Args:
        command: the program and its arguments. No shell sees it.
        environment: its variables.
        timeout: seconds that it may take; None for any time.

    Raises:
        OSError: there is no such program.
    """
    process = subprocess.Popen(  # noqa: S603  # it is the user's own command
        list(command), stdout=subprocess.PIPE, env=dict(environment), start_new_session=True
    )
    assert process.stdout is not None
    program = Program(line.decode("utf-8", "replace") for line in process.stdout)

    def end() -> None:
        program.late = True
        _kill(process)

    timer = threading.Timer(timeout, end) if timeout is not None else None
    if timer is not None:
        timer.daemon = True
        timer.start()
    try:
        yield program
        program.code = process.wait()
    finally:
        if timer is not None:
            timer.cancel()
        if process.poll() is None:
            _kill(process)
        process.stdout.close()
        process.wait()


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends a program with its group, so that nothing of it keeps what it prints open."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
