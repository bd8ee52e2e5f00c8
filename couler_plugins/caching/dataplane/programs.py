"""What is run, where no workflow says it: files and folders, a command line, and what their inputs are."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from couler_plugins.caching.dataplane.contents import content_of
from couler_plugins.caching.keys import spec_hash

__all__ = ["LEFT_OUT", "program_spec"]

LEFT_OUT = ("__pycache__", "*.pyc", ".git")
"""What is no part of a program in a folder: running it writes these, or looking after it does."""


def program_spec(
    programs: Iterable[Path], kinds: Mapping[str, str], command: Sequence[str] = (), outputs: Sequence[str] = ()
) -> str:
    """The hash of what is run, as `spec_hash` gives it for a template of a workflow.

    Args:
        programs: files and folders, by their content; a file also by its executable bit.
        kinds: by the name of each input, what its value is: a `value`, or the content of a `file`. A template says that
            by itself; without it, a text could pass for a file.
        command: the command line, word for word.
        outputs: what is taken for its result, `NAME=PATH`: one command may write several files, of which these are.

    Raises:
        InvalidInput: a program is neither a file nor a folder, or has something in it that is neither.
        OSError: one cannot be read.
    """
    content = {"programs": [_program(path) for path in programs], "inputs": sorted(kinds.items())}
    return spec_hash({**content, "command": list(command), "outputs": sorted(outputs)} if command else content)


def _program(path: Path) -> list[object]:
    return [content_of(path, _is_left_out), path.is_file() and bool(path.stat().st_mode & stat.S_IXUSR)]


def _is_left_out(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in LEFT_OUT)
