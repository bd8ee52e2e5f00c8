"""Runs one command and outlives nobody: when the process that started it is gone, the command goes as well.

Called as `python -I -S child.py RESULT N ENDING… COMMAND…`, in a process group of its own. Its standard input is a pipe
from who has started it, which is at its end once that process has ended, however it did; then the whole group is
killed. What the command prints goes to RESULT and to our standard output. The N words of ENDING are what ends a
container that the command has started, which does not belong to the group; they run after the command was killed. This
uses the standard library only, and no module that is slow to import: it starts with every attempt.
"""

from __future__ import annotations

import os
import select
import signal
import sys

PIECE = 1 << 16
NOT_FOUND, NOT_EXECUTABLE, BY_SIGNAL = 127, 126, 128


def main(result: str, ending: list[str], command: list[str]) -> int:
    """Runs the command; its exit code, or 128 and the number of the signal that has ended it."""
    kept = os.open(result, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    printed, write = os.pipe()
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    nothing = os.open(os.devnull, os.O_RDONLY)
    actions = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, write, 1)]
    group = {"setpgroup": 0} if ending else {}  # one of its own, which we survive to end the container
    try:
        child = os.posix_spawnp(
            command[0],
            command,
            dict(os.environ),
            file_actions=actions,
            setsigdef=[signal.SIGCHLD],
            **group,  # type: ignore[arg-type]
        )
    except OSError as error:
        os.write(2, f"cannot run {command[0]!r}: {error.strerror}\n".encode())
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE
    os.close(write)
    open_ends = [0, printed, woken]
    ended = status = 0
    while not ended:
        ready = select.select(open_ends, [], [])[0]
        if 0 in ready and not os.read(0, 1):
            try:
                if ending:
                    os.killpg(child, signal.SIGKILL)
                    os.waitpid(os.posix_spawnp(ending[0], ending, dict(os.environ), file_actions=actions[:1]), 0)
            finally:
                os.killpg(0, signal.SIGKILL)
        if printed in ready and not copied(printed, kept):
            open_ends.remove(printed)
        if woken in ready:
            os.read(woken, PIECE)
            ended, status = os.waitpid(child, os.WNOHANG)
    os.set_blocking(printed, False)
    while copied(printed, kept):
        pass
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)  # what the command has left running ends with it
    code = os.waitstatus_to_exitcode(status)
    return BY_SIGNAL - code if code < 0 else code


def copied(source: int, kept: int) -> bool:
    """Copies a piece of what was printed; whether there may be more."""
    try:
        piece = os.read(source, PIECE)
    except BlockingIOError:
        return False
    for target in (kept, 1):
        remaining = memoryview(piece)
        while remaining:
            remaining = remaining[os.write(target, remaining) :]
    return bool(piece)


if __name__ == "__main__":
    number = 3 + int(sys.argv[2])
    sys.exit(main(sys.argv[1], sys.argv[3:number], sys.argv[number:]))
