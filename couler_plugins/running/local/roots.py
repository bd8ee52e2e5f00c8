"""A step's own world: the folder that stands for `/` there, and programs that name absolute paths in it.

A container has its own root, and what it does there is nobody else's business. Here a program sees the machine's; so
the paths that are its own are written into its text anew. That can be done where the text names them, and not where it
puts them together: then the step is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath

SYSTEM = frozenset(
    ("bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "opt", "proc", "root", "run", "sbin", "srv")
)
SYSTEM |= {"sys", "usr", "var"}
"""Folders that a program finds on any machine: in these only the very paths that are declared are its own."""
BEFORE, AFTER = r"(?<![\w./~$)}\\-])", r"(?![\w-]|\.\w)"
"""What stands around a path that is one by itself, and no part of another one or of a URL."""


def own_folders(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths that belong to a program which declares these: `/tmp`, the first folder of each, or the path itself."""
    folders = {"/tmp": None}  # noqa: S108  # it is the program's own here, and not the machine's
    for path in paths:
        first = PurePosixPath(path).parts[1]
        folders[path if first in SYSTEM else f"/{first}"] = None
    return tuple(sorted(folders, key=lambda path: (-len(path), path)))


def unnamed(source: str, path: str) -> bool:
    """Whether a program's text names neither a path nor anything of its own around it, so that nobody can redirect it.

    Relative paths start at the root, which is where programs run.
    """
    names = [str(folder) for folder in (PurePosixPath(path), *PurePosixPath(path).parents) if folder.name]
    own = [name for name in names if name in own_folders([path]) or name == path]
    relative = re.escape(path.lstrip("/"))
    named = any(re.search(BEFORE + re.escape(name) + AFTER, source) for name in {*own, path})
    return not named and not re.search(r"(?<![\w/-])(\./)?" + relative + AFTER, source)


class Root:
    """The root of one attempt.

    Args:
        folder: what stands for `/`; it has to be empty.
        paths: the absolute paths that the program declares.
    """

    def __init__(self, folder: Path, paths: Iterable[str]) -> None:
        self.folder = folder
        self._own = own_folders(paths)
        for name in ("tmp", "mnt"):
            (folder / name).mkdir(parents=True)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(f"{BEFORE}({'|'.join(map(re.escape, self._own))}){AFTER}")

    def redirected(self, text: str) -> str:
        """A text with the program's own paths where they are on this machine."""
        return self._pattern.sub(lambda found: f"{self.folder}{found[1]}", text)

    def inside(self, path: str) -> Path:
        """Where a path of the program is on this machine.

        Raises:
            ValueError: it leads out of the root.
        """
        place = PurePosixPath(path)
        if not place.is_absolute() or ".." in place.parts or len(place.parts) < 2:  # nothing below /
            raise ValueError(f"{path!r:.80} is no absolute path of a file")
        return self.folder.joinpath(*place.parts[1:])
