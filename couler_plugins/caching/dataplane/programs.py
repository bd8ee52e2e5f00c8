"""What is run, where no workflow says it: files and folders, a command line, and what their inputs are."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from couler_plugins.caching.dataplane.contents import Entry, State, content_of, entries_of, state_of, status_of, tree_of
from couler_plugins.caching.keys import spec_hash

FORM = 2
"""The version of what is hashed here; a change of what it covers changes it."""
EMPTY = frozenset(f"/dev/{name}" for name in ("null", "zero", "full", "tty", "stdin", "stdout", "stderr"))
VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
COMPILED, REPOSITORY = "__pycache__", ".git"


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """How something is run.

    Attributes:
        command: the command line, word for word.
        outputs: what is taken for its result, `NAME=PATH`: one command may write several files, of which these are.
        files: the paths that its words name; where there is a file, its content counts.
        environment: variables by name; None for one that is not set.
        stdin: the sha256 of what it reads from its standard input; None where that is empty.
        folder: the one that it runs in, where all that it reads is observed; else it does not count.
    """

    command: Sequence[str]
    outputs: Sequence[str] = ()
    files: Sequence[str] = ()
    environment: Mapping[str, str | None] = {}
    stdin: str | None = None
    folder: str | None = None


def program_spec(programs: Iterable[Path], kinds: Mapping[str, str], invocation: Invocation | None = None) -> str:
    """The hash of what is run, as `spec_hash` gives it for a template of a workflow.

    Args:
        programs: files and folders, by their content; a file also by its executable bit.
        kinds: by the name of each input, what its value is: a `value`, or the content of a `file` or a `program`. A
            template says that by itself; without it, a text could pass for a file.
        invocation: how it is run; None where others run it.

    Raises:
        InvalidInput: a program is neither a file nor a folder, or has something in it that is neither.
        OSError: one cannot be read.
    """
    content: dict[str, Any] = {
        "form": FORM,
        "programs": [_content(path) for path in programs],
        "inputs": sorted(kinds.items()),
    }
    if invocation is not None:
        content |= {
            "command": list(invocation.command),
            "outputs": sorted(invocation.outputs),
            "files": [[path, _content(Path(path)) if _is_file(path) else None] for path in invocation.files],
            "environment": sorted(invocation.environment.items()),
            "stdin": invocation.stdin,
            "folder": invocation.folder,
        }
    return spec_hash(content)


def _content(path: Path) -> list[object]:
    if path.is_dir():
        return [tree_of(_entries(path)), False]
    return [content_of(path), bool(path.stat().st_mode & stat.S_IXUSR)]


def _entries(folder: Path) -> Iterator[Entry]:
    """What counts of a program in a folder, and not what running it writes, or looking after it does.

    What Python compiles is in `__pycache__`; a `*.pyc` elsewhere is one that Python runs without its source.
    """
    for item in entries_of(folder, lambda path: path.name == REPOSITORY):
        path = PurePosixPath(item.name)
        compiled = path.parent.name == COMPILED and ".pyc" in path.suffixes
        if not compiled and path.name != COMPILED:
            yield item


def program_state(path: Path) -> State:
    """Return the state of a program; of folders only that they are there: running it may write into them.

    Raises:
        InvalidInput: it has something in it that is neither file, folder nor link.
        OSError: it cannot be read.
    """
    if not path.is_dir():
        return state_of(path)
    entries = {item.name: (item.kind, status_of(item.path.lstat())) for item in _entries(path)}
    return {
        name: status._replace(bytes=0, written=0, changed=0) if kind == "folder" else status
        for name, (kind, status) in entries.items()
    }


def argument_files(command: Sequence[str], without: Iterable[Path]) -> list[str]:
    """Return the paths that the words of a command line may name, also after `=`.

    Args:
        command: the command line.
        without: what is left out, with all that is in it: outputs, and what counts anyway; all links followed.
    """
    places = list(without)
    texts = [text for word in command for text in dict.fromkeys((word, word.partition("=")[2])) if text]
    return [text for text in texts if not any(_is_within(text, place) for place in places)]


def argument_variables(command: Iterable[str]) -> list[str]:
    """Return the names of the variables that the words of a command line name, as shells do: `$NAME` and `${NAME`."""
    return sorted({name for word in command for name in VARIABLE.findall(word)})


def unfollowed(paths: Iterable[str]) -> str:
    """Return why the content of what these name cannot count; empty where it can.

    Folders are not followed, and what holds nothing of its own is none.
    """
    for path in paths:
        if _is_file(path):
            if not os.access(path, os.R_OK):
                return f"{path!r} cannot be read"
        elif os.path.exists(path) and not os.path.isdir(path) and path not in EMPTY:  # noqa: PTH110, PTH112  # any text
            return f"{path!r} is neither a file nor a folder"
    return ""


def _is_within(text: str, place: Path) -> bool:
    try:
        return Path(os.path.realpath(text)).is_relative_to(place)
    except (OSError, ValueError):  # too long for a path, for example
        return False


def _is_file(text: str) -> bool:
    return os.path.isfile(text)  # noqa: PTH113  # any text, which may be too long for a path


def argument_file_state(path: str) -> State:
    """Return the state of a file that a command line names; it is empty where there is none.

    Raises:
        OSError: it cannot be read.
    """
    return state_of(Path(path)) if _is_file(path) else {}
