"""Runs a command as if it stood in our place: signals go to it, and its exit code is ours.

Source: POSIX.1-2017, Shell Command Language 2.8.2, for the exit codes 126, 127 and 128 plus the signal's number.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import IO

__all__ = ["run_command"]

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
