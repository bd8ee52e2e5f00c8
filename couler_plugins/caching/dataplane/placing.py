"""Puts files and folders into place: all of them, each as a whole, or none."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from couler_plugins.caching.dataplane.deadline import without_limit
from couler_plugins.caching.dataplane.failures import reason_of
from couler_plugins.errors import EngineError


class NotPutBack(EngineError):
    """Not all outputs could be put into place, and not all that was there could be put back."""


class _Step(NamedTuple):
    """One output on its way.

    Attributes:
        path: its place.
        new: where it was written.
        old: where what was at its place goes, until all outputs are in place.
    """

    path: Path
    new: Path
    old: Path


class Placement:
    """Files and folders that are written aside, each in the folder that it will be in."""

    def __init__(self) -> None:
        self._aside: list[tuple[Path, Path]] = []
        self._old: list[Path] = []

    def aside(self, path: Path) -> Path:
        """A place, with nothing at it, to write what `path` will be; the folders around it are made.

        Raises:
            OSError: they cannot be made.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        place = _beside(path)
        self._aside.append((place, path))
        return place

    def commit(self) -> None:
        """Puts everything into place, one after the other; what is there is replaced.

        Raises:
            OSError: something cannot be replaced (where something else is mounted, for one); all is as it was.
            NotPutBack: the same, but not all is as it was.
        """
        begun: list[_Step] = []
        with without_limit():
            try:
                for place, path in self._aside:
                    begun.append(_Step(path, place, _beside(path)))
                    _replace(begun[-1])
            except BaseException as error:
                _undo(begun, error)
                raise
            self._aside.clear()
            self._old += [step.old for step in begun]

    def discard(self) -> None:
        """Removes what was not put into place, and what was replaced."""
        with without_limit():
            for path in (*(place for place, _ in self._aside), *self._old):
                remove(path)


def _replace(step: _Step) -> None:
    """Puts an output into its place; a file in the place of a file in one step."""
    if _exists(step.path):
        _set_aside(step)
    step.new.replace(step.path)


def _set_aside(step: _Step) -> None:
    """Gives what is at a place another name; where it need not make room, it keeps the first, too."""
    if not _is_folder(step.path) and not _is_folder(step.new):
        with contextlib.suppress(OSError):  # not all file systems have hard links
            os.link(step.path, step.old, follow_symlinks=False)
            return
    step.path.rename(step.old)


def _undo(begun: list[_Step], cause: BaseException) -> None:
    """Puts back what was there, the last first.

    Raises:
        NotPutBack: something cannot be put back; the rest was.
    """
    failed = []
    for step in reversed(begun):
        try:
            _put_back(step)
        except OSError:
            failed.append(
                f"what was at {step.path} is at {step.old} now" if _exists(step.old) else f"{step.path} is new"
            )
    if failed:
        reason = reason_of(cause) if isinstance(cause, Exception) else "it was interrupted"
        raise NotPutBack(f"{reason}, and not all could be put back: {'; '.join(failed)}") from cause


def _put_back(step: _Step) -> None:
    if not _exists(step.new) and _exists(step.path):
        step.path.rename(step.new)
    if not _exists(step.old):
        return
    if not _exists(step.path):
        step.old.rename(step.path)
    elif os.path.samestat(step.old.lstat(), step.path.lstat()):
        step.old.unlink()  # a second name of what is in its place still
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(step.path))  # others have been quicker


def _exists(path: Path) -> bool:
    return os.path.lexists(path)


def _beside(path: Path) -> Path:
    if not path.name:
        raise OSError(errno.EINVAL, "nothing can be put into its place", str(path))
    return path.with_name(f".couler-{secrets.token_hex(8)}")


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def remove(path: Path) -> None:
    """Removes a file, a link or a folder with all that is in it, as far as that is possible."""
    if _is_folder(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


@contextlib.contextmanager
def placing() -> Iterator[Placement]:
    """A placement; at the end of the block, what is not in place is removed, and what was replaced."""
    placement = Placement()
    try:
        yield placement
    finally:
        placement.discard()
