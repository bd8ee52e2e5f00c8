"""What the containers around a wrapped command do in a pod; `launch.sh` is what stands before the command.

They share a folder, an `emptyDir`: `hit` says that `restored/NAME` are a result, and `max-age` how old a result may be
(whoever keeps one replaces what is older); `kept/NAME` are what the command has
made, complete once there is `done`, with the seconds that it took; `ready` and `saved` tell the launcher that somebody
keeps it, which is said again and again, and has kept it. A key of the contents of artifacts is in a folder that the
command does not see: it could have its result kept as that of other contents.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from importlib.resources import as_file, files
from pathlib import Path

from couler_plugins.caching.artifacts.sources import check_key
from couler_plugins.caching.dataplane.contents import content_of, is_executable, open_plain
from couler_plugins.caching.dataplane.deadline import time_limit
from couler_plugins.caching.keys import digest
from couler_plugins.errors import EngineError, restating

BUSYBOX = "COULER_BUSYBOX"
"""The environment variable that says where a statically linked busybox is, which runs in any image."""
RESTORED, KEPT = "restored", "kept"
KEY, UNWRITTEN = "key", "unwritten"
HIT, DONE, READY, SAVED = "hit", "done", "ready", "saved"
MAX_AGE = "max-age"
PROGRAM_MODE, FILE_MODE = 0o755, 0o644
POLL = 0.2  # seconds
SIGN = 10.0  # seconds between signs of life; the launcher waits a minute for the next one
LONGEST = 12  # digits of a number of seconds
SHARE = 0.02  # of the time that is left to a whole run: other steps of it want to reuse and keep results as well


def provide_launcher(folder: Path) -> None:
    """Puts the launcher, and the busybox that runs it, into the shared folder.

    Raises:
        EngineError: there is no busybox, or they cannot be written.
    """
    busybox = os.environ.get(BUSYBOX) or shutil.which("busybox")
    if busybox is None:
        hint = f"use the image of couler's cache, or set {BUSYBOX} to a statically linked busybox"
        raise EngineError("there is no busybox here", hint=hint)
    with restating(OSError, "the launcher cannot be written", EngineError, file=str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(busybox, folder / "busybox")
        (folder / "busybox").chmod(PROGRAM_MODE)
        with as_file(files("couler_plugins.caching.dataplane") / "launch.sh") as launcher:
            shutil.copyfile(launcher, folder / "launch")
        (folder / "launch").chmod(FILE_MODE)


def ensure_temporary_folder(folder: Path) -> None:
    """Has temporary files in the shared folder where there is no other place for them, as with a read-only root."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        tempfile.tempdir = str(folder)


def outputs_in(folder: Path, part: str, names: Sequence[str]) -> dict[str, Path]:
    """Where outputs of these names are in the shared folder."""
    return {name: folder / part / name for name in names}


def key_by_content(key: str, inputs: Mapping[str, Path], places: Mapping[str, str]) -> str:
    """The key of a result that depends on the contents of artifacts and of places.

    Args:
        key: covers all else.
        inputs: the artifacts, by name.
        places: what is at each place, by name.

    Raises:
        InvalidInput: the key is none, or an artifact has no content.
        OSError: an artifact cannot be read.
    """
    check_key(key)
    rows = [[name, content_of(path), is_executable(path)] for name, path in sorted(inputs.items())]
    return digest(["contents", key, rows, *([sorted(places.items())] if places else [])])


def wait_for_result(folder: Path) -> bool:
    """Waits until the command has left a result, as long as its container runs; whether there is one to keep."""
    if (folder / HIT).exists():
        return False
    while not (folder / DONE).exists():
        time.sleep(POLL)
    return True


@contextlib.contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """Shows the launcher, until the end of the block, that it does not wait for a process that was killed."""
    ended = threading.Event()

    def show() -> None:
        while True:
            with contextlib.suppress(OSError):
                (folder / READY).touch()
            if ended.wait(SIGN):
                return

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def release_launcher(folder: Path) -> None:
    """Tells the launcher that it need not wait any longer; where that cannot be told, it waits until its time is up."""
    for name in (SAVED, READY):
        with contextlib.suppress(OSError):
            (folder / name).touch()


def time_allowed(limit: float | None, deadline: str, clock: Callable[[], float] = time.time) -> float | None:
    """How many seconds the store may take: a small share of what is left of a run, and no more than the limit.

    Args:
        limit: seconds; None for no limit.
        deadline: when the run is to have ended, by RFC 3339. A run without one is told of the year 1 by Argo, and what
            is no time at all is a reference that nothing has put a time in the place of.
        clock: tells the time, in seconds since 1970.
    """
    try:
        ends = datetime.fromisoformat(deadline)
    except ValueError:
        return limit
    if ends.year == 1 or ends.tzinfo is None:
        return limit
    share = max(0.0, SHARE * (ends.timestamp() - clock()))
    return share if limit is None else min(limit, share)


@contextlib.contextmanager
def within(limit: float | None, deadline: str) -> Iterator[None]:
    """Ends the block where it takes longer than `time_allowed`.

    Raises:
        TimeoutError: the time is up.
    """
    allowed = time_allowed(limit, deadline)
    if allowed == 0:
        raise TimeoutError("the deadline of the run is over")
    with time_limit(allowed):
        yield


def seconds_taken(folder: Path) -> float | None:
    """How long the command took, by the launcher; None where that is not said.

    The command can write into the folder as well: nothing that it points us at is read, or told.
    """
    return _seconds_in(folder / DONE)


def write_max_age(folder: Path, max_age: float | None) -> None:
    """Says how many seconds old a result may be, where that matters."""
    if max_age is not None:
        (folder / MAX_AGE).write_text(str(math.ceil(max_age)))


def read_max_age(folder: Path) -> float | None:
    """How many seconds old a result may be; None for any age."""
    return _seconds_in(folder / MAX_AGE)


def _seconds_in(path: Path) -> float | None:
    try:
        with open_plain(path) as stream:
            text = stream.read(LONGEST)
    except OSError:
        return None
    return float(text) if text.strip().isdigit() else None
