"""What the containers around a wrapped command do in a pod; `launch.sh` is what stands before the command.

They share a folder, an `emptyDir`: `hit` says that `restored/NAME` are a result; `kept/NAME` are what the command has
made, complete once there is `done`, with the
seconds that it took; `ready` and `saved` tell the launcher that somebody keeps it, and has kept it.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from couler_plugins.caching.dataplane.contents import open_plain
from couler_plugins.errors import EngineError

__all__ = [
    "HIT",
    "KEPT",
    "READY",
    "RESTORED",
    "SAVED",
    "outputs_in",
    "provide_launcher",
    "seconds_taken",
    "wait_for_result",
]

BUSYBOX = "COULER_BUSYBOX"
"""The environment variable that says where a statically linked busybox is, which runs in any image."""
RESTORED, KEPT = "restored", "kept"
HIT, DONE, READY, SAVED = "hit", "done", "ready", "saved"
PROGRAM_MODE = 0o755
POLL = 0.2  # seconds
LONGEST = 12  # digits of a number of seconds


def provide_launcher(folder: Path) -> None:
    """Puts the launcher, and the busybox that runs it, into the shared folder.

    Raises:
        EngineError: there is no busybox, or they cannot be written.
    """
    busybox = os.environ.get(BUSYBOX) or shutil.which("busybox")
    if busybox is None:
        hint = f"use the image of couler's cache, or set {BUSYBOX} to a statically linked busybox"
        raise EngineError("there is no busybox here", hint=hint)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(busybox, folder / "busybox")
        (folder / "busybox").chmod(PROGRAM_MODE)
        with as_file(files("couler_plugins.caching.dataplane") / "launch.sh") as launcher:
            shutil.copyfile(launcher, folder / "launch")
    except OSError as error:
        raise EngineError(f"the launcher cannot be written: {error.strerror or error}", file=str(folder)) from error


def outputs_in(folder: Path, part: str, names: Sequence[str]) -> dict[str, Path]:
    """Where outputs of these names are in the shared folder."""
    return {name: folder / part / name for name in names}


def wait_for_result(folder: Path) -> bool:
    """Waits until the command has left a result, as long as its container runs; whether there is one to keep."""
    if (folder / HIT).exists():
        return False
    (folder / READY).touch()
    while not (folder / DONE).exists():
        time.sleep(POLL)
    return True


def seconds_taken(folder: Path) -> float | None:
    """How long the command took, by the launcher; None where that is not said.

    The command can write into the folder as well: nothing that it points us at is read, or told.
    """
    try:
        with open_plain(folder / DONE) as stream:
            text = stream.read(LONGEST)
    except OSError:
        return None
    return float(text) if text.strip().isdigit() else None
