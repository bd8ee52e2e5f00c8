"""What owners say of caching in annotations, and which files of its workspaces a task reads and makes.

On a Task, on a task's `taskSpec.metadata`, or on a Pipeline or run for all in it:

- `couler.io/cache`: `pure`, `ttl=24h`, `always` or `never`; for one task, on its Pipeline or run:
  `couler.io/cache.TASK`
- `couler.io/cache-allow`: what does not change the result although no key covers it: `network,secret`; for one task, on
  its Pipeline or run: `couler.io/cache-allow.TASK`
- `couler.io/cache-version`: a version that its owner declares: another one is another key; on a task without
  parameters, it makes one possible
- `couler.io/cache-inputs`, `couler.io/cache-outputs`: files and folders, `WORKSPACE` or `WORKSPACE/path`, with commas
- `couler.io/max-output-bytes`: how many bytes all results of one run have at most, as Tekton writes them in JSON
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from couler_plugins.caching.declarations import annotation_texts
from couler_plugins.documents.mappings import entries, mapping_at
from couler_plugins.ir import Operation, Output, Workflow, replace
from couler_tekton.mappings import Mapped, without
from couler_tekton.variables import write_value

__all__ = [
    "CACHED_FROM",
    "INPUTS",
    "MAX_OUTPUT",
    "OUTPUTS",
    "STORE",
    "File",
    "annotations_of",
    "entries",
    "files_of",
    "mapping_at",
    "outputs_of",
    "rest_of",
    "to_annotate",
    "with_annotations",
    "with_files",
    "without_files",
]

MAX_OUTPUT = "couler.io/max-output-bytes"
INPUTS, OUTPUTS = "couler.io/cache-inputs", "couler.io/cache-outputs"
CACHED_FROM = "couler.io/cached-from"
"""On a cached copy: the Task that it is a copy of."""
STORE = "couler-cache"
"""The workspace that holds the store, where that is one."""
FILE = "$(workspaces."
"""How the places of files begin; no result is called that."""
PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")


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


def annotations_of(node: Workflow | Operation) -> dict[str, str]:
    """The annotations of an object, or of a task's spec; see `annotation_texts`."""
    return annotation_texts(mapping_at(rest_of(node), "metadata", "annotations"))


def to_annotate(key: str, text: str = "…", where: str = "its Task or taskSpec") -> str:
    """What an owner would paste where, to say something of a task."""
    return f"metadata: {{annotations: {{{key}: {text}}}}}, in {where}"


def files_of(operation: Operation, key: str) -> list[File] | None:
    """The files that an annotation names; None where it is not understood."""
    words = [word.strip() for word in annotations_of(operation).get(key, "").split(",")]
    files = []
    for word in filter(None, words):
        if not PLACE.fullmatch(word):
            return None
        workspace, _, path = word.partition("/")
        files.append(File(workspace, path))
    return files


def with_files(operation: Operation) -> Operation:
    """The task with the files that it makes among its results."""
    outputs = tuple(Output(name=file.native) for file in files_of(operation, OUTPUTS) or ())
    return replace(operation, outputs=(*operation.outputs, *outputs))


def without_files(operation: Operation) -> Operation:
    """The task as it was before `with_files`."""
    return replace(operation, outputs=tuple(one for one in operation.outputs if not one.name.startswith(FILE)))


def outputs_of(operation: Operation) -> dict[str, str]:
    """What is kept of a task: its results and its declared files, each with its place as Tekton completes it."""
    results = {f"result-{one.name}": f"$(results.{one.name}.path)" for one in without_files(operation).outputs}
    files = files_of(operation, OUTPUTS) or []
    return {**results, **{f"file-{number}": file.native for number, file in enumerate(files)}}


def rest_of(node: Any) -> Mapped:
    """What a node says that is not lifted into typed fields."""
    rest: Mapped = write_value(node.native_extra) if node.native_extra is not None else {}
    return rest


def with_annotations(rest: Mapped, annotations: Mapped) -> Mapped:
    """What a node says, with these annotations and no others; mappings that are left empty go."""
    metadata = without(mapping_at(rest, "metadata"), "annotations")
    metadata |= {"annotations": annotations} if annotations else {}
    return without(rest, "metadata") | ({"metadata": metadata} if metadata else {})
