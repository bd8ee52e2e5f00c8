"""Puts files and folders into place whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

__all__ = ["Placement", "placing"]


class Placement:
    """Files and folders that are written aside, each in the folder that it will be in."""

    def __init__(self) -> None:
        self._aside: list[tuple[Path, Path]] = []

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
            OSError: something cannot be replaced (where something else is mounted, for one).
        """
        while self._aside:
            place, path = self._aside[0]
            with _out_of_the_way(path, place):
                place.replace(path)
            del self._aside[0]

    def discard(self) -> None:
        """Removes what was not put into place."""
        for place, _ in self._aside:
            _remove(place)


def _beside(path: Path) -> Path:
    if not path.name:
        raise OSError(errno.EINVAL, "nothing can be put into its place", str(path))
    return path.with_name(f".couler-{secrets.token_hex(8)}")


@contextlib.contextmanager
def _out_of_the_way(path: Path, new: Path) -> Iterator[None]:
    """Moves away what cannot be replaced in one step, a folder or what gives way to one; back on an error."""
    if not (_is_folder(path) or (_is_folder(new) and os.path.lexists(path))):
        yield
        return
    old = _beside(path)
    path.rename(old)
    try:
        yield
    except BaseException:
        old.rename(path)
        raise
    _remove(old)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _remove(path: Path) -> None:
    if _is_folder(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def placing() -> Iterator[Placement]:
    """A placement; what is not committed by the end of the block is removed."""
    placement = Placement()
    try:
        yield placement
    finally:
        placement.discard()
