"""Rules of paths: which of them count, where links lead, and what the code itself has made."""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from couler_plugins.caching.reads.callers import is_library, is_loading, is_logging, outer_frame
from couler_plugins.caching.reads.digests import is_pseudo

NOTHING = frozenset({"/dev/null", "/dev/full", "/dev/zero", "/dev/stdout", "/dev/stderr", "/dev/tty"})
TICK = 10_000_000  # ns by which the clock of files may be behind ours
LINKS = 40  # on the way of one path: as many as Linux follows


class PathRules:
    """What counts in one observation. All paths are absolute, and real ones where no link is on the way.

    Args:
        temporary: folders for temporary files; none for the process's own.
        outputs: files and folders that may be written.
        ignored: files and folders that count neither when read nor when written.
        logs: those that do not count for what writes logs.
    """

    def __init__(
        self, temporary: Iterable[Path], outputs: Iterable[Path], ignored: Iterable[Path], logs: Iterable[Path] = ()
    ) -> None:
        self._temporary = _real(temporary) or _real([Path(tempfile.gettempdir())])
        self._outputs = _real(outputs)
        self._ignored = _real(ignored)
        self._logs = _real(logs)
        self._start = time.time_ns() - TICK
        self._owned: set[str] = set()
        self._scratch: set[str] = set()
        self._parents: dict[str, set[str]] = {}  # the names of what is owned, by folder
        self._folders: dict[str, str] = {}  # where folders lead

    def real(self, path: str, *, follow: bool = True) -> str:
        """Return where a path leads; of a link itself, where it is."""
        folder, _, name = path.rpartition("/")
        if name in ("", ".", ".."):
            return os.path.realpath(path)
        path_real = f"{self._real_folder(folder)}/{name}"
        return os.path.realpath(path_real) if follow and os.path.islink(path_real) else path_real  # noqa: PTH114

    def real_status(self, path: str) -> tuple[str, os.stat_result]:
        """Return where a path leads, and the status of what is there.

        Raises:
            OSError: there is nothing, or nothing that can be looked at.
        """
        folder, _, name = path.rpartition("/")
        if name not in ("", ".", ".."):
            path_real = f"{self._real_folder(folder)}/{name}"
            status = os.lstat(path_real)
            if not stat.S_ISLNK(status.st_mode):
                return path_real, status
        return os.path.realpath(path), os.stat(path)  # noqa: PTH116

    def _real_folder(self, folder: str) -> str:
        if (real := self._folders.get(folder)) is None:
            real = self._folders[folder] = os.path.realpath(folder or "/").rstrip("/")
        return real

    def ignores(self, real: str, status: os.stat_result | None) -> bool:
        """Tell whether something counts as no read.

        Args:
            real: its real path.
            status: of what is there.
        """
        return (
            is_library(real)
            or real in NOTHING
            or self._skips(real)
            or self.owns(real)
            # A temporary file that was there before is one like any other: who knows what has left it.
            or (status is not None and status.st_ctime_ns >= self._start and self.is_temporary(real))
        )

    def ignores_writing(self, real: str) -> bool:
        """Tell whether nobody minds that something is written."""
        return real in NOTHING or "/__pycache__/" in f"{real}/" or self._skips(real)

    def _skips(self, real: str) -> bool:
        return _is_in(real, self._ignored) or (_is_in(real, self._logs) and is_logging(outer_frame()))

    def may_write(self, real: str) -> bool:
        """Tell whether something is no effect when it is written."""
        return _is_in(real, (*self._temporary, *self._outputs))

    def is_temporary(self, real: str) -> bool:
        """Tell whether something is in a temporary folder."""
        return _is_in(real, self._temporary)

    def is_scratch(self, real: str, named_by_chance: bool) -> bool:
        """Tell whether a temporary file has a name that nobody knows: others may look for one that code has chosen.

        Args:
            real: its real path.
            named_by_chance: whether it has its name from `tempfile`.
        """
        if named_by_chance:
            self._scratch.add(real)
        return any(path in self._scratch for path in (real, *map(str, Path(real).parents)))

    def is_temporary_folder(self, real: str) -> bool:
        """Tell whether something is the folder of temporary files itself."""
        return f"{real}/" in self._temporary

    @property
    def created(self) -> frozenset[str]:
        """What the code has made, or given another content."""
        return frozenset(self._owned)

    def own(self, real: str) -> None:
        """Note that the code has made something, or given it another content."""
        self._owned.add(real)
        folder, _, name = real.rpartition("/")
        self._parents.setdefault(folder, set()).add(name)

    def owns(self, real: str) -> bool:
        """Tell whether the code has made something, or a folder that it is in."""
        while real and self._owned:
            if real in self._owned:
                return True
            real = real.rpartition("/")[0]
        return False

    def owned_in(self, folder: str) -> set[str]:
        """Return the names of what the code has made in a folder."""
        return self._parents.get(folder, set())

    def touches(self, path: str) -> bool:
        """Tell whether the code has made something, or something in it."""
        real = self.real(path)
        return real in self._parents or self.owns(real)


def links_of(path: str) -> Iterator[tuple[str, str]]:
    """Give each link on the way of an absolute path and where it points, in the order in which they are followed."""
    real, waiting, count = "", path.split("/")[::-1], 0
    while waiting and count < LINKS:
        part = waiting.pop()
        if part in ("", "."):
            continue
        if part == "..":
            real = real.rpartition("/")[0]
            continue
        try:
            target = os.readlink(f"{real}/{part}")  # noqa: PTH115
        except OSError:
            real = f"{real}/{part}"
            continue
        yield f"{real}/{part}", target
        real = "" if target.startswith("/") else real
        waiting += target.split("/")[::-1]
        count += 1


def _real(paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(f"{os.path.realpath(path).rstrip('/')}/" for path in paths)


def _is_in(path: str, folders: tuple[str, ...]) -> bool:
    return bool(folders) and f"{path}/".startswith(folders)


def is_of_system(path: str) -> bool:
    """Tell whether a library looks at what the kernel tells while it is loaded: it only adapts to the machine."""
    return is_pseudo(path) and is_loading(outer_frame())


def real_path(path: str, *, follows: bool = True) -> str:
    """Return where a path leads; where it follows no links, where it is itself."""
    if follows:
        return os.path.realpath(path)
    folder, _, name = path.rstrip("/").rpartition("/")
    return (
        os.path.realpath(path) if name in ("", ".", "..") else f"{os.path.realpath(folder or '/').rstrip('/')}/{name}"
    )


def is_inside(path: str, places: Iterable[str]) -> bool:
    """Tell whether a path is one of these, or in one of them."""
    return any(path == place or path.startswith(f"{place.rstrip('/')}/") for place in places)
