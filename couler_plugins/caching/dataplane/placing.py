"""Puts files and folders into place whole or not at all."""

from __future__ import annotations

import contextlib
import errno
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
            with _out_of_the_way(path):
                place.replace(path)
            del self._aside[0]

    def discard(self) -> None:
        """Removes what was not put into place."""
        for place, _ in self._aside:
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    if not path.name:
        raise OSError(errno.EINVAL, "nothing can be put into its place", str(path))
    return path.with_name(f".couler-{secrets.token_hex(8)}")


@contextlib.contextmanager
def _out_of_the_way(path: Path) -> Iterator[None]:
    """Moves a folder away, which nothing can replace in one step: back on an error, else it is removed."""
    if not path.is_dir() or path.is_symlink():
        yield
        return
    old = _beside(path)
    path.rename(old)
    try:
        yield
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def placing() -> Iterator[Placement]:
    """A placement; what is not committed by the end of the block is removed."""
    placement = Placement()
    try:
        yield placement
    finally:
        placement.discard()
