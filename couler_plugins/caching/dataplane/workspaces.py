"""Workspaces of a task by content: what is read in them, what is made in them, and what is neither."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from couler_plugins.caching.dataplane.contents import (
    Entry,
    Skip,
    content_of,
    entries_of,
    is_executable,
    resolved,
    tree_of,
)
from couler_plugins.caching.keys import digest
from couler_plugins.errors import InvalidInput

MOST = 200_000  # files, folders and links that are read of one place


class Workspaces(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a task.

    Attributes:
        files: the files and folders that it reads, by name.
        outputs: those that it makes, by name.
        without: what of both is left out: it is no matter.
    """

    files: Mapping[str, Path]
    outputs: Mapping[str, Path]
    without: Collection[Path] = ()

    def skip(self, *more: Path) -> Skip:
        """Return what tells what is left out of one place; it refuses a place that holds too much."""
        left_out, count = {*map(_place, self.without), *more}, 0

        def skipped(path: Path) -> bool:
            nonlocal count
            count += 1
            if count > MOST:
                raise InvalidInput(f"there are more than {MOST:,} files in it", file=str(path.parent))
            return path in left_out

        return skipped

    def contents(self) -> dict[str, str]:
        """Return the contents of what is read, by name.

        Raises:
            InvalidInput: something is neither a file nor a folder, or a link in it leads out of it, or to what is left
                out.
            OSError: something cannot be read.
        """
        return {name: self._content(path) for name, path in self.files.items()}

    def _content(self, path: Path) -> str:
        if path.is_dir():
            return tree_of(self._entries(path))
        return f"{content_of(path)}{':executable' if is_executable(path) else ''}"

    def _entries(self, folder: Path) -> Iterator[Entry]:
        """All that is in a folder and not left out; whoever follows a link to what is left out would read that."""
        left_out = [place for path in self.without for place in {_place(path), resolved(path)}]
        for item in entries_of(folder, self.skip()):
            if item.kind == "link" and any(resolved(item.path).is_relative_to(place) for place in left_out):
                raise InvalidInput(f"the link {item.name!r} leads to what is left out", file=str(folder))
            yield item

    def occupied(self) -> list[str]:
        """Return the outputs at whose places there is something: what a task makes of that, no key covers.

        What is in a folder that is read is covered.
        """
        return sorted(
            name for name, path in self.outputs.items() if not self._is_read(path) and not self._is_free(path)
        )

    def _is_read(self, path: Path) -> bool:
        place = _place(path)
        left_out = any(place.is_relative_to(_place(other)) for other in self.without)
        return not left_out and any(place.is_relative_to(resolved(file)) for file in self.files.values())

    def _is_free(self, path: Path) -> bool:
        if not os.path.lexists(path):
            return True
        return path.is_dir() and not path.is_symlink() and all(map(self.skip(), _place(path).iterdir()))

    def unwritten(self) -> str:
        """Return the content of what is read and is no output: it has to be the same after the task.

        Raises:
            InvalidInput: as of `contents`.
            OSError: something cannot be read.
        """
        outputs = [_place(path) for path in self.outputs.values()]
        around = {parent for path in outputs for parent in path.parents}
        rows: list[list[str | bool]] = []
        for name, path in sorted(self.files.items()):
            if any(resolved(path).is_relative_to(output) for output in outputs):
                continue
            if path.is_dir():
                kept = (item for item in entries_of(path, self.skip(*outputs)) if item.path not in around)
                rows.append([name, tree_of(kept)])
            else:
                rows.append([name, content_of(path), is_executable(path)])
        return digest(rows)


def _place(path: Path) -> Path:
    """Where a path is, with links on the way to it followed, but not itself."""
    return resolved(path.parent) / path.name
