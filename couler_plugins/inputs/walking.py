"""Walks the files of a folder that git would not ignore."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from couler_plugins.errors import InvalidInput

if TYPE_CHECKING:
    import pathspec

PRUNED = {".git", ".hg", ".svn", "__pycache__", "node_modules"}
"""Folders that no repository keeps workflows in, and that are too large to look."""


def walk(folder: Path, exclude: Sequence[str]) -> Iterator[Path]:
    """Yield all files below a folder that neither .gitignore files nor the settings leave out, hidden ones included."""
    rules = [(folder, _patterns(exclude)), *_ignores_above(folder)]

    def descend(directory: Path, rules: list[tuple[Path, pathspec.GitIgnoreSpec]]) -> Iterator[Path]:
        rules = [*rules, *_ignores_in(directory)]
        try:
            entries = list(os.scandir(directory))
        except OSError as error:
            if directory == folder:
                message = f"the folder cannot be read: {error.strerror}"
                raise InvalidInput(message, file=str(directory)) from error
            return
        for entry in entries:
            path = directory / entry.name
            if entry.is_dir(follow_symlinks=False):
                outside = entry.name in PRUNED or (path / "pyvenv.cfg").exists()
                if not outside and not _ignored(path, rules, folder=True):
                    yield from descend(path, rules)
            elif not _ignored(path, rules, folder=False):
                yield path

    yield from descend(folder, rules)


def _ignores_above(folder: Path) -> Iterator[tuple[Path, pathspec.GitIgnoreSpec]]:
    """Yield the rules of the folders above, up to the root of the repository that they belong to."""
    above = folder.absolute().parents
    root = next((number for number, parent in enumerate(above) if (parent / ".git").exists()), None)
    if root is None or (folder / ".git").exists():
        return
    for parent in reversed(above[: root + 1]):
        yield from _ignores_in(parent)


def _ignores_in(directory: Path) -> Iterator[tuple[Path, pathspec.GitIgnoreSpec]]:
    try:
        lines = (directory / ".gitignore").read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    yield directory, _patterns(lines)


def _patterns(lines: Iterable[str]) -> pathspec.GitIgnoreSpec:
    import pathspec

    return pathspec.GitIgnoreSpec.from_lines(lines)


def _ignored(path: Path, rules: Sequence[tuple[Path, pathspec.GitIgnoreSpec]], *, folder: bool) -> bool:
    """Whether the last rule that says anything of a path leaves it out."""
    for place, spec in reversed(rules):
        relative = os.path.relpath(path, place) + ("/" if folder else "")
        if (verdict := spec.check_file(relative).include) is not None:
            return verdict
    return False
