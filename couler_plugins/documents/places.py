"""Where files stand, for references by name: their folders, their scope, and the version that a folder names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

VERSION = re.compile(r"v?\d+(?:\.\d+)+(?:[-+.][0-9A-Za-z.+-]+)?|v\d+")


class FilePlace(NamedTuple):
    """Where a file stands.

    Attributes:
        path: its folders and its own name, from the outside in.
        scope: the folder whose files are deployed together, such as an environment or a chart; empty for the rest.
        version: what the nearest folder that is called like a version says (`task/git-clone/0.2`); empty without one.
    """

    path: tuple[str, ...] = ()
    scope: str = ""
    version: str = ""

    @property
    def version_folder(self) -> tuple[str, ...]:
        """The path of that folder; empty where there is none."""
        if not self.version:
            return ()
        return self.path[: len(self.path) - self.path[::-1].index(self.version)]


def version_in(folders: Sequence[str]) -> str:
    """Return the innermost of some folders that is called like a version; empty where none is."""
    return next((folder for folder in reversed(folders) if VERSION.fullmatch(folder)), "")
