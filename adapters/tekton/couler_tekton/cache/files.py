"""Which files of its workspaces a task reads, and which it makes.

- `couler.io/cache-workspace.NAME`: of one workspace, with commas: `in`, `in=PATH`: it reads all of it, or a part;
  `out`, `out=PATH`: it makes all of it, or a part; `without=NAME`: what is called so in the workspace is neither
- `couler.io/cache-inputs`, `couler.io/cache-outputs`: files and folders, `WORKSPACE` or `WORKSPACE/path`, with commas
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from couler_plugins.ir import Operation, Output, replace
from couler_tekton.cache.declared import annotations_of

INPUTS, OUTPUTS = "couler.io/cache-inputs", "couler.io/cache-outputs"
WORKSPACE = "couler.io/cache-workspace."
"""How the annotations of single workspaces begin."""
FILE = "$(workspaces."
"""How the places of files begin; no result is called that."""
PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9_.][A-Za-z0-9._-]*)*")
WORD = re.compile(r"(in|out|without)(?:=([A-Za-z0-9_.][A-Za-z0-9._-]*(?:/[A-Za-z0-9_.][A-Za-z0-9._-]*)*))?")
OF_THE_SYSTEM = "lost+found"
"""A folder in each volume of its own, which only root may read."""


class File(NamedTuple):
    """A file or folder in a workspace; all of it where there is no path."""

    workspace: str
    path: str

    @property
    def native(self) -> str:
        """Where it is, as Tekton completes it."""
        return f"$(workspaces.{self.workspace}.path)" + (f"/{self.path}" if self.path else "")

    def holds(self, other: File) -> bool:
        """Whether the other one is this one, or in it."""
        inside = not self.path or other.path == self.path or other.path.startswith(f"{self.path}/")
        return self.workspace == other.workspace and inside


class Files(NamedTuple):
    """The files of a task.

    Attributes:
        read: what it reads.
        written: what it makes.
        without: what of these is left out, for it is no matter.
        malformed: the first annotation that is not understood; empty where all are.
    """

    read: tuple[File, ...] = ()
    written: tuple[File, ...] = ()
    without: tuple[File, ...] = ()
    malformed: str = ""

    @property
    def whole(self) -> list[File]:
        """All workspaces that are read or made as a whole."""
        return [file for file in dict.fromkeys((*self.read, *self.written)) if not file.path]


def files_of(operation: Operation) -> Files:
    """Return the files that the annotations of a task name."""
    files: dict[str, list[File]] = {"in": [], "out": [], "without": []}
    malformed = []
    for annotation, text in annotations_of(operation).items():
        words = [word.strip() for word in text.split(",") if word.strip()]
        if annotation in (INPUTS, OUTPUTS):
            kind = "in" if annotation == INPUTS else "out"
            items = [(kind, *word.partition("/")[::2]) if PLACE.fullmatch(word) else None for word in words]
        elif annotation.startswith(WORKSPACE):
            workspace = annotation.removeprefix(WORKSPACE)
            matches = [WORD.fullmatch(word) for word in words] or [None]
            items = [match and (match[1], workspace, match[2] or "") for match in matches]
        else:
            continue
        for item in items:
            if item is None or not {"..", "."}.isdisjoint(item[2].split("/")):
                malformed.append(annotation)
            else:
                files[item[0]].append(File(*item[1:]))
    if any(not file.path or "/" in file.path for file in files["without"]):
        malformed.append(f"{WORKSPACE}{files['without'][0].workspace}")
    read, written, without = (tuple(dict.fromkeys(each)) for each in files.values())
    return Files(read, written, without, min(malformed, default=""))


def clashes(files: Files) -> Iterator[str]:
    """Yield why files do not go together."""
    for number, file in enumerate(files.written):
        if any(one.holds(file) or file.holds(one) for one in files.written[:number]):
            yield f"its output {file.path!r} is at the place of another one, or in it"
        for one in files.read:
            if file.holds(one) and file != one:
                yield f"its input {one.path!r} is in its output {file.path!r}, of which a key has to cover all"
    for file in files.without:
        if not any(one.workspace == file.workspace for one in files.whole):
            yield f"{file.path!r} is left out of {file.workspace!r}, which is neither read nor made as a whole"
        if any(file.holds(one) for one in (*files.read, *files.written)):
            yield f"{file.path!r} is left out of {file.workspace!r}, and is read or made there"


def left_out(files: Files) -> list[str]:
    """Return the places, as Tekton completes them, that are neither read nor kept."""
    system = [File(one.workspace, OF_THE_SYSTEM) for one in files.whole]
    return [file.native for file in (*files.without, *system)]


def with_files(operation: Operation) -> Operation:
    """The task with the files that it makes among its results."""
    outputs = tuple(Output(name=file.native) for file in files_of(operation).written)
    return replace(operation, outputs=(*operation.outputs, *outputs))


def without_files(operation: Operation) -> Operation:
    """The task as it was before `with_files`."""
    return replace(operation, outputs=tuple(one for one in operation.outputs if not one.name.startswith(FILE)))


def outputs_of(operation: Operation) -> dict[str, str]:
    """What is kept of a task: its results and its declared files, each with its place as Tekton completes it."""
    results = {f"result-{one.name}": f"$(results.{one.name}.path)" for one in without_files(operation).outputs}
    return {**results, **{name_of(number): file.native for number, file in enumerate(files_of(operation).written)}}


def name_of(number: int) -> str:
    """Return the name of an output that is a file."""
    return f"file-{number}"
