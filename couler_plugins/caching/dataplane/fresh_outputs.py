"""Fresh outputs of a command: what was at their places is set aside, and a second writer is noticed.

A command that appends, touches or copies times would else leave old content that no key covers. What is set aside stays
in its folder, as `.couler-before-TOKEN-NAME`: a rename there always works, and a process that is killed loses nothing.

A lock is a file in the folder for temporary files. At the end, its owner looks whether somebody else has marked it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import secrets
import signal
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from couler_plugins.caching.dataplane.contents import State, state_of
from couler_plugins.caching.dataplane.failures import reason_of
from couler_plugins.caching.dataplane.placing import remove

FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class OutputLocks:
    """The locks of some outputs. Where there can be none (a full disk, say), nothing is noticed."""

    def __init__(self) -> None:
        self._held: dict[Path, int] = {}

    def take(self, paths: Iterable[Path]) -> list[Path]:
        """Take the locks of some places, and return those that others hold: they are told."""
        return [path for path in paths if not self._take(path)]

    def disturbed(self) -> list[Path]:
        """Return the places that others have wanted since."""
        return [path for path, lock in self._held.items() if os.fstat(lock).st_size]

    def close(self) -> None:
        """Give all locks up."""
        for lock in self._held.values():
            os.close(lock)
        self._held.clear()

    def _take(self, path: Path) -> bool:
        with contextlib.suppress(OSError):
            lock = os.open(_file_of(path), FLAGS, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.write(lock, b"!")
                os.close(lock)
                return False
            os.ftruncate(lock, 0)
            self._held[path] = lock
        return True


def _file_of(path: Path) -> Path:
    """Where the lock of a place is.

    Raises:
        OSError: there can be none, or the folder is somebody else's.
    """
    folder = Path(tempfile.gettempdir(), f"couler-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid() or folder.is_symlink():
        raise PermissionError(str(folder))
    return folder / hashlib.sha256(os.fsencode(path)).hexdigest()


log = logging.getLogger(__name__)
BEFORE, FAILED = ".couler-before-", ".couler-failed-"
LONGEST = 200  # bytes of a name that are part of another one: file systems take 255
ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class _Aside(NamedTuple):
    """Something that was at the place of an output.

    Attributes:
        path: the place.
        old: where it is meanwhile.
        begun: the state of what the command finds instead: an empty folder where there was one.
    """

    path: Path
    old: Path
    begun: State


class FreshOutputs:
    """The outputs of one command.

    Args:
        paths: their places, all links followed.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = list(paths)
        self._aside: list[_Aside] = []
        self._locks = OutputLocks()
        self._objection = ""

    def begin(self) -> None:
        """Set aside what is there; what cannot be moved stays, and `objection` says so afterwards."""
        shared = self._locks.take(self._paths)
        if shared:
            self._objection = _told_of_others(shared)
        for path in self._paths:
            if path in shared:
                continue  # what is there is somebody else's work
            for leftover in _left_by_others(path):
                log.warning("%s was set aside by a run that was killed or is still at work: it is %s", path, leftover)
            with _undisturbed():
                try:
                    self._set_aside(path)
                except OSError as error:
                    self._objection = f"{path} was there before, and cannot be set aside ({reason_of(error)})"

    def _set_aside(self, path: Path) -> None:
        if not os.path.lexists(path):
            return
        mode = path.lstat().st_mode
        old = _sibling(path, f"{BEFORE}{secrets.token_hex(4)}-")
        path.rename(old)
        self._aside.append(_Aside(path, old, {}))
        if stat.S_ISDIR(mode):  # people make the folder that their command writes into
            path.mkdir()
            path.chmod(stat.S_IMODE(mode))
            self._aside[-1] = _Aside(path, old, state_of(path))

    def objection(self) -> str:
        """Return why the outputs are not what the command has made; empty where they are."""
        if disturbed := self._locks.disturbed():
            return _told_of_others(disturbed)
        unwritten = [str(aside.path) for aside in self._aside if not _is_written(aside)]
        return self._objection or (f"nothing has written {', '.join(unwritten)}" if unwritten else "")

    def end(self, *, succeeded: bool) -> None:
        """Remove what was set aside where the command has made another; else put it back.

        What a command that failed has made instead is kept as `.couler-failed-NAME`.
        """
        if self._aside and not succeeded:
            names = ", ".join(str(aside.path) for aside in self._aside)
            log.warning("the command began without %s: what was there before is back", names)
        replaced = []
        for aside in self._aside:
            with _undisturbed():
                if succeeded and _is_written(aside):
                    replaced.append(aside.old)
                else:
                    _put_back(aside)
        self._aside.clear()
        for old in replaced:
            remove(old)
        self._locks.close()


def _told_of_others(paths: Iterable[Path]) -> str:
    return f"another run makes {', '.join(map(str, paths))} at the same time"


def _is_written(aside: _Aside) -> bool:
    return os.path.lexists(aside.path) and state_of(aside.path) != aside.begun


def _put_back(aside: _Aside) -> None:
    if not os.path.lexists(aside.old):
        return
    try:
        if _is_written(aside):
            failed = _sibling(aside.path, FAILED)
            remove(failed)
            aside.path.rename(failed)
            log.warning("what the command that failed has left at %s is %s now", aside.path, failed)
        elif os.path.lexists(aside.path):
            aside.path.rmdir()
        aside.old.rename(aside.path)
    except OSError as error:
        log.warning("what was at %s before is %s now: %s", aside.path, aside.old, reason_of(error))


def _left_by_others(path: Path) -> list[Path]:
    """What other runs have set aside for an output."""
    ending = f"-{_short(path.name)}"
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(BEFORE)]
        return sorted(path.with_name(name) for name in names if name[len(BEFORE) + 8 :] == ending)
    return []


def _sibling(path: Path, prefix: str) -> Path:
    return path.with_name(prefix + _short(path.name))


def _short(name: str) -> str:
    return os.fsdecode(os.fsencode(name)[-LONGEST:])


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Lets no signal end the block between two renames; it comes afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
