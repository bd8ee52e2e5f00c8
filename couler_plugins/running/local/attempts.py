"""One attempt at a program: a folder of its own, a process, and a log.

What steps hand on: files in a folder of the step, and what is in them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from couler_plugins.caching.dataplane.contents import content_of, is_inside, open_plain
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.local import Ended, File, NotThere, Place, Program
from couler_plugins.ir import Operation
from couler_plugins.running.local import child
from couler_plugins.running.local.observing import SCRIPT, observed
from couler_plugins.running.local.roots import Root

RESULT = "result"


def names(operation: Operation) -> list[str]:
    """The names of the files that an operation's outputs become."""
    return [RESULT, *(_name(output.kind, output.name) for output in operation.outputs)]


def _name(kind: str, name: str) -> str:
    return f"{kind}.{name}"


def put(content: File | bytes, path: Path) -> None:
    """Puts an artifact in place, as a copy that its user may change.

    Raises:
        NotThere: it is not what it was.
        OSError: the disk failed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
        return
    _copy(Path(content.path), path)
    if content_of(path) != content.content:
        raise NotThere("an artifact has been changed since it was made")


def take(places: Iterable[Place], printed: bytes, root: Root, folder: Path) -> None:
    """Copies what a program has left behind into a folder.

    Raises:
        NotThere: it has not left all that it declares, or left something that is neither file nor folder.
        OSError: the disk failed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / RESULT).write_bytes(printed)
    for place in places:
        target = folder / _name(place.kind, place.name)
        try:
            source = root.inside(place.path)
            if place.kind == "artifact":
                if source.exists() and not is_inside(source, root.folder):
                    raise NotThere(f"its artifact {place.name!r} is a link that leads out of its own folder")
                if source.exists():
                    content_of(source)  # refuses links that lead out of it, pipes and the like
                    _copy(source, target)
                elif not place.optional:
                    raise NotThere(f"it has not left the artifact {place.name!r} at {place.path}")
            elif source.is_file():
                with open_plain(source) as stream:
                    target.write_bytes(stream.read().removesuffix(b"\n"))
            elif place.default is None:
                raise NotThere(f"it has not left the parameter {place.name!r} at {place.path}")
            else:
                target.write_text(place.default, encoding="utf-8")
        except (ValueError, InvalidInput) as error:
            raise NotThere(f"its output {place.name!r}: {error}") from None


def contents(folder: Path) -> dict[str, str]:
    """What is in each file of a step's folder.

    Raises:
        InvalidInput: one of them is neither file nor folder.
        OSError: they cannot be read.
    """
    return {path.name: content_of(path) for path in sorted(folder.iterdir())}


def names_folder(folder: Path, named: Path) -> bool:
    """Tell whether the result or a parameter in a step's folder contains the name of another folder.

    Raises:
        OSError: one of them cannot be read.
    """
    name = os.fsencode(named)
    return any(
        name in path.read_bytes() for path in folder.iterdir() if not path.name.startswith(_name("artifact", ""))
    )


def ended_of(operation: Operation, folder: Path, texts: Mapping[str, str], code: int | None) -> Ended:
    """What a step that has succeeded left behind.

    Raises:
        OSError: it cannot be read.
    """
    parameters = {
        output.name: _text(folder / _name("parameter", output.name))
        for output in operation.outputs
        if output.kind == "parameter" and _name("parameter", output.name) in texts
    }
    artifacts = {
        output.name: File(str(folder / name), texts[name])
        for output in operation.outputs
        if output.kind == "artifact" and (name := _name("artifact", output.name)) in texts
    }
    result = _text(folder / RESULT) if RESULT in texts else None
    return Ended(outcome="succeeded", parameters=parameters, artifacts=artifacts, result=result, code=code)


def _text(path: Path) -> str:
    with open_plain(path) as stream:
        return stream.read().decode("utf-8", "surrogateescape")


def _copy(source: Path, target: Path) -> None:
    if stat.S_ISDIR(source.lstat().st_mode):
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


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
        if name not in artifacts:  # it is optional
            continue
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
    code = await run_watched(command, folder, environment, root.folder, program.seconds)
    return Attempt(code, time.monotonic() - started, root, folder)


async def run_watched(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    root: Path,
    seconds: float | None,
    ending: Sequence[str] = (),
) -> int | None:
    """Runs a command as `child` does, with its log in a folder; its exit code, or None where the time was up."""
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", child.__file__, str(folder / PRINTED), str(len(ending)), *ending, *command),
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
