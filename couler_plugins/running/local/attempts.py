"""One attempt at a program: a folder of its own, a process, and a log."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from couler_plugins.hookspecs.local import File, NotThere, Program
from couler_plugins.running.local import child
from couler_plugins.running.local.made import put
from couler_plugins.running.local.observing import SCRIPT, observed
from couler_plugins.running.local.roots import Root

LOG, PRINTED = "log", "printed"
KEPT = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT", "VIRTUAL_ENV", "PYENV_ROOT")
"""What a program gets of our environment; all else is what its workflow says. Keys of the cache cover these values."""
SHOWN = 5
"""Lines of a log that a message shows."""
MOST_SHOWN = 1_000
"""Bytes of them."""


class Attempt(NamedTuple):
    """How an attempt went.

    Attributes:
        code: the exit code; None where the time was up.
        seconds: how long it took.
        root: its root.
        folder: where its log is.
    """

    code: int | None
    seconds: float
    root: Root
    folder: Path


def handed_on() -> dict[str, str]:
    """Return what a program gets of our environment."""
    return {name: os.environ[name] for name in KEPT if name in os.environ}


async def attempt(
    program: Program, artifacts: Mapping[str, File | bytes], folder: Path, *, observe: bool, trace: bool
) -> Attempt:
    """Runs a program; when it is cancelled, the program and all that it has started is killed.

    Args:
        program: what to run.
        artifacts: its input artifacts, by name.
        folder: where its root and its log are to be; it must not be there.
        observe: whether what it reads is written down in its folder; it has to be of Python.
        trace: whether its system calls are as well, where strace works.

    Raises:
        NotThere: an input cannot be put in place.
        OSError: the disk or the machine failed.
    """
    folder.mkdir(parents=True)
    root = Root(folder / "root", [*program.inputs.values(), *(place.path for place in program.outputs)])
    for name, path in program.inputs.items():
        try:
            put(artifacts[name], root.inside(path))
        except ValueError as error:
            raise NotThere(str(error)) from None
    script = folder / SCRIPT
    script.write_text(root.redirected(program.source), encoding="utf-8", errors="surrogateescape")
    own = {name: root.redirected(value) for name, value in program.env}
    environment = {**handed_on(), "TMPDIR": str(root.folder / "tmp"), **own}
    command = [*map(root.redirected, program.command)]
    command = [*(observed(command, folder, trace=trace) if observe else command), str(script)]
    started = time.monotonic()
    code = await _run(command, folder, environment, root.folder, program.seconds)
    return Attempt(code, time.monotonic() - started, root, folder)


async def _run(
    command: list[str], folder: Path, environment: Mapping[str, str], root: Path, seconds: float | None
) -> int | None:
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", child.__file__, str(folder / PRINTED), *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=root,
            env=environment,
            start_new_session=True,
        )
    finally:
        os.close(log)
    assert process.stdin is not None
    try:
        async with asyncio.timeout(seconds):
            return await process.wait()
    except TimeoutError:
        return None
    finally:
        process.stdin.close()  # the child kills all that it has started, and itself
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await process.stdin.wait_closed()
        await process.wait()


def last_lines(folder: Path) -> str:
    """The end of the log of an attempt, for a message."""
    try:
        text = _tail(folder / LOG, MOST_SHOWN).decode(errors="replace")
    except OSError:
        return ""
    return " | ".join(line.strip() for line in text.splitlines()[-SHOWN:] if line.strip())


def printed(attempt: Attempt, most: int) -> bytes:
    """What the program has printed: the last bytes of it, without the newline at the end."""
    return _tail(attempt.folder / PRINTED, most).removesuffix(b"\n")


def _tail(path: Path, most: int) -> bytes:
    with path.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(0, stream.tell() - most))
        return stream.read()
