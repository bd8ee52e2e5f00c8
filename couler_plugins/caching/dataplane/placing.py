"""Puts files and folders into place: all of them, each as a whole, or none."""

from __future__ import annotations

import contextlib
import errno
import filecmp
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from couler_plugins.caching.dataplane.contents import Skip
from couler_plugins.caching.dataplane.deadline import without_limit
from couler_plugins.caching.dataplane.failures import NotPutBack, reason_of


class _Step(NamedTuple):
    """One output on its way.

    Attributes:
        path: its place.
        new: where it was written; None where nothing is to be at its place.
        old: where what was at its place goes, until all outputs are in place.
    """

    path: Path
    new: Path | None
    old: Path


class Placement:
    """Files and folders that are written aside, each in the folder that it will be in."""

    def __init__(self) -> None:
        self._aside: list[tuple[Path, Path]] = []
        self._inside: list[tuple[Path, Path, Skip]] = []
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

    def inside(self, folder: Path, stays: Skip | None = None) -> Path:
        """A place, with nothing at it, to write what is to be in a folder that stays itself.

        Args:
            folder: the folder; it is made where there is none.
            stays: what is in it and is not touched.

        Raises:
            OSError: the folder cannot be made.
        """
        folder.mkdir(parents=True, exist_ok=True)
        place = _beside(folder / "x")
        self._inside.append((place, folder, stays or _nothing))
        return place

    def commit(self) -> None:
        """Puts everything into place, one after the other; what is there is replaced.

        Raises:
            OSError: something cannot be replaced or removed (where something else is mounted, for one); all is as it
                was.
            NotPutBack: the same, but not all is as it was.
        """
        begun: list[_Step] = []
        with without_limit():
            try:
                for place, path in [*self._aside, *self._moves()]:
                    begun.append(_Step(path, place, _beside(path)))
                    _replace(begun[-1])
            except BaseException as error:
                _undo(begun, error)
                raise
            self._aside.clear()
            self._old += [step.old for step in begun]

    def _moves(self) -> Iterator[tuple[Path | None, Path]]:
        """What is to be in folders that stay: what is new, with its place, and the places of what goes."""
        for place, folder, stays in self._inside:
            new = sorted(path.name for path in place.iterdir())
            gone = [path for path in folder.iterdir() if path != place and path.name not in new and not stays(path)]
            for path in (*gone, *(folder / name for name in new)):
                _check_removable(path)
            yield from ((place / name, folder / name) for name in new)
            yield from ((None, path) for path in sorted(gone))

    def discard(self) -> None:
        """Removes what was not put into place, and what was replaced."""
        with without_limit():
            new = [*(place for place, _ in self._aside), *(place for place, *_ in self._inside)]
            for path in (*new, *self._old):
                remove(path)


def _nothing(path: Path) -> bool:
    return False


def _check_removable(path: Path) -> None:
    """Refuse to replace what could not be removed afterwards: it would stay under another name.

    Raises:
        PermissionError: a folder in it cannot be written.
    """
    for at, *_ in os.walk(path) if _is_folder(path) else ():
        if not os.access(at, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), at)


def keep_equal(new: Path, folder: Path) -> None:
    """Put files of a folder in the place of equal new ones: so they keep their owner, mode and times.

    Args:
        new: the new content of the folder.
        folder: the folder, on the same file system.

    Raises:
        OSError: the new content cannot be looked at.
    """
    for at, _, names in os.walk(new):
        for name in names:
            path = Path(at, name)
            old = folder / path.relative_to(new)
            if _is_equal(path, old):
                link = _beside(path)
                with contextlib.suppress(OSError):  # not all file systems have hard links, and not all files may have
                    os.link(old, link, follow_symlinks=False)
                    link.replace(path)
                    link.unlink(missing_ok=True)


def _is_equal(new: Path, old: Path) -> bool:
    try:
        one, other = new.lstat(), old.lstat()
        same = one.st_size == other.st_size and stat.S_ISREG(one.st_mode) and stat.S_ISREG(other.st_mode)
        return same and not (one.st_mode ^ other.st_mode) & stat.S_IXUSR and filecmp.cmp(new, old, shallow=False)
    except OSError:
        return False


def _replace(step: _Step) -> None:
    """Puts an output into its place; a file in the place of a file in one step."""
    if os.path.lexists(step.path):
        _set_aside(step)
    if step.new is not None:
        step.new.replace(step.path)


def _set_aside(step: _Step) -> None:
    """Gives what is at a place another name; where it need not make room, it keeps the first, too."""
    if step.new is not None and not _is_folder(step.path) and not _is_folder(step.new):
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
                f"what was at {step.path} is at {step.old} now" if os.path.lexists(step.old) else f"{step.path} is new"
            )
    if failed:
        reason = reason_of(cause) if isinstance(cause, Exception) else "it was interrupted"
        raise NotPutBack(f"{reason}, and not all could be put back: {'; '.join(failed)}") from cause


def _put_back(step: _Step) -> None:
    if step.new is not None and not os.path.lexists(step.new) and os.path.lexists(step.path):
        step.path.rename(step.new)
    if not os.path.lexists(step.old):
        return
    if not os.path.lexists(step.path):
        step.old.rename(step.path)
    elif os.path.samestat(step.old.lstat(), step.path.lstat()):
        step.old.unlink()  # a second name of what is in its place still
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(step.path))  # others have been quicker


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
