"""What owners say of caching in annotations.

On a Task, on a task's `taskSpec.metadata`, or on a Pipeline or run for all in it:

- `couler.io/cache`: `pure`, `ttl=24h`, `always` or `never`; for one task, on its Pipeline or run:
  `couler.io/cache.TASK`
- `couler.io/cache-allow`: what does not change the result although no key covers it: `network,secret`; for one task, on
  its Pipeline or run: `couler.io/cache-allow.TASK`
- `couler.io/cache-version`: a version that its owner declares: another one is another key; on a task without
  parameters, it makes one possible
- `couler.io/cache-workspace.NAME`, `couler.io/cache-inputs`, `couler.io/cache-outputs`: what a task reads and makes in
  its workspaces; see `couler_tekton.cache.files`
- `couler.io/cache-place.NAME`: what a task does at the place whose URL its parameter NAME has: it reads it (`in`),
  writes it (`out`), or both (`in,out`)
- `couler.io/max-output-bytes`: how many bytes all results of one run have at most, as Tekton writes them in JSON
"""

from __future__ import annotations

from typing import Any

from couler_plugins.caching.declarations import annotation_texts
from couler_plugins.documents.mappings import Mapped, entries, mapping_at, without
from couler_plugins.ir import Operation, Workflow
from couler_tekton.variables import write_value

__all__ = [
    "CACHED_FROM",
    "MAX_OUTPUT",
    "STORE",
    "annotations_of",
    "entries",
    "mapping_at",
    "rest_of",
    "to_annotate",
    "with_annotations",
    "without_account",
]

MAX_OUTPUT = "couler.io/max-output-bytes"
CACHED_FROM = "couler.io/cached-from"
"""On a cached copy: the Task that it is a copy of."""
STORE = "couler-cache"
"""The workspace that holds the store, where that is one."""


def annotations_of(node: Workflow | Operation) -> dict[str, str]:
    """The annotations of an object, or of a task's spec; see `annotation_texts`."""
    return annotation_texts(mapping_at(rest_of(node), "metadata", "annotations"))


def to_annotate(key: str, text: str = "…", where: str = "its Task or taskSpec") -> str:
    """What an owner would paste where, to say something of a task."""
    return f"metadata: {{annotations: {{{key}: {text}}}}}, in {where}"


def rest_of(node: Any) -> Mapped:
    """What a node says that is not lifted into typed fields."""
    rest: Mapped = write_value(node.native_extra) if node.native_extra is not None else {}
    return rest


def without_account(said: Mapped) -> Mapped:
    """What a run says of its pods, beside which service account they have."""
    kept = without(said, "serviceAccountName")
    if template := without(mapping_at(said, "taskRunTemplate"), "serviceAccountName"):
        kept["taskRunTemplate"] = template
    else:
        kept.pop("taskRunTemplate", None)
    specs = [without(item, "serviceAccountName", "taskServiceAccountName") for item in entries(said, "taskRunSpecs")]
    return without(kept, "taskRunSpecs") | ({"taskRunSpecs": specs} if any(specs) else {})


def with_annotations(rest: Mapped, annotations: Mapped) -> Mapped:
    """What a node says, with these annotations and no others; mappings that are left empty go."""
    metadata = without(mapping_at(rest, "metadata"), "annotations")
    metadata |= {"annotations": annotations} if annotations else {}
    return without(rest, "metadata") | ({"metadata": metadata} if metadata else {})
