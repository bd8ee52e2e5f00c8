"""Local copies of datasets for Python code: they come out of the store, and into it once, by a process of their own.

That process keeps the work of a store out of the one that asks: what an engine observes of it, its timers by signal,
and event loops that do not survive a fork.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from couler_plugins.caching.dataplane.datasets import Dataset, shown_url
from couler_plugins.caching.dataplane.placing import remove
from couler_plugins.caching.keys import digest
from couler_plugins.caching.reads.dispatch import unobserved
from couler_plugins.caching.row_keys import VERSIONS, check_rows, declared_dataset
from couler_plugins.errors import EngineError, InvalidInput, restating
from couler_plugins.options.config import load_config

log = logging.getLogger(__name__)
COMMAND = ("from couler_plugins.cli import main; main()", "cache", "fetch", "-")
PATIENCE = "10m"  # what the store may take before the download, and after it
SEALED = 946_684_800  # seconds: the time of change of all that is whole (2000-01-01), which every write moves
LONGEST = 120  # characters of a file's name
OTHERS = stat.S_IWGRP | stat.S_IWOTH


def dataset(url: str, *, version: str = "", etag: str = "", sha256: str = "") -> Path:
    """Return a local, read-only copy of a file or folder, which is downloaded once for all that share the store.

    Args:
        url: where it is: any URL that fsspec understands, or a path.
        version: a name that its owner gives to what is there now.
        etag: the server's own name for it, compared when it is downloaded.
        sha256: the sha256 of its bytes, compared when it is downloaded. Without any of the three, a row `url` of
            `[[cache.declare]]` in the settings says which version is there.

    Raises:
        InvalidInput: no version is declared, or the URL or the settings are not understood.
        EngineError: it cannot be read, or is not what was declared.
    """
    if version or etag or sha256:
        return local_copy(Dataset(url=url, version=version, etag=etag, sha256=sha256.lower()))
    check_rows(rows := load_config().rows.get("cache", ()))
    return local_copy(declared_dataset(rows, url) or Dataset(url=url))


def copies_folder() -> Path:
    """Return the folder of this user's local copies."""
    return Path(tempfile.gettempdir()) / f"couler-datasets-{os.getuid()}"


def local_copy(wanted: Dataset, settings: Mapping[str, str] | None = None) -> Path:
    """Return the local copy of a dataset; nothing that is done for it counts as a read of the code that asks.

    Args:
        wanted: the version that is wanted.
        settings: which store, as variables of the environment (`COULER_CACHE_STORE`), where ours do not say it.

    Raises:
        InvalidInput, EngineError: as `dataset` does.
    """
    with unobserved():
        name = PurePosixPath(shown_url(wanted.url).partition("?")[0]).name[-LONGEST:]
        name = "data" if name in ("", "..") else name
        place = _checked_folder() / digest(["copy", wanted.key, name])
        damaged = os.path.lexists(place)  # what somebody else puts there from now on is theirs
        if not _is_whole(place):
            if damaged:
                _put_aside(place)
            new = Path(tempfile.mkdtemp(dir=place.parent))
            try:
                _fetch(wanted, new / name, settings or {})
                _seal(new)
                with contextlib.suppress(OSError):  # somebody else has put one there meanwhile
                    new.rename(place)
            finally:
                remove(new)
            if not _is_whole(place):
                raise EngineError("the local copy cannot be written", file=str(place))
        return place / name


def _checked_folder() -> Path:
    folder = copies_folder()
    with restating(
        OSError,
        "it cannot be written",
        EngineError,
        file=str(folder),
        hint="set TMPDIR to a folder that this user may write to",
    ):
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & OTHERS:
        hint = "remove it, or set TMPDIR to a folder of your own"
        raise EngineError("other users may write into the folder of local copies", file=str(folder), hint=hint)
    return folder


def _fetch(wanted: Dataset, path: Path, settings: Mapping[str, str]) -> None:
    words = [f"--{name}={text}" for name in VERSIONS if (text := getattr(wanted, name))]
    command = [sys.executable, "-c", *COMMAND, *words, f"--output={path}", f"--timeout={PATIENCE}"]
    environment = {**os.environ, **settings, "COULER_COLOR": "never"}
    # The URL goes where other users of the machine do not see it.
    done = subprocess.run(  # noqa: S603  # our own command
        command, input=wanted.url, capture_output=True, text=True, errors="replace", env=environment, check=False
    )
    said, _, problem = f"\n{done.stderr}".partition("\nerror: ")
    for line in filter(None, said.splitlines()):
        log.warning("%s", line.removeprefix("warning: "))
    if done.returncode:
        message, _, hint = problem.strip().partition("\n  hint: ")
        error = InvalidInput if done.returncode == InvalidInput.exit_code else EngineError
        raise error(message or f"the download has ended with {done.returncode}", hint=hint or None)


def _seal(folder: Path) -> None:
    for path in (*sorted(folder.rglob("*"), reverse=True), folder):
        if path.is_file():
            path.chmod(0o444 | (path.stat().st_mode & 0o111))
        os.utime(path, (SEALED, SEALED))


def _is_whole(place: Path) -> bool:
    """Whether there is a copy, and nobody has changed anything in it."""
    try:
        return all(path.stat().st_mtime == SEALED for path in (place, *place.rglob("*")))
    except OSError:
        return False


def _put_aside(place: Path) -> None:
    with contextlib.suppress(OSError):  # there is none
        aside = Path(tempfile.mkdtemp(dir=place.parent))
        try:
            place.rename(aside / "old")
        finally:
            remove(aside)
