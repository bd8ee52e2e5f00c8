"""The metadata of a workflow: annotations, also those of its templates, and what a cluster writes into it."""

from __future__ import annotations

from typing import Any

from couler_argo.references import native
from couler_argo.spelling import write_native
from couler_plugins.caching.declarations import annotation_texts
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Callable, Workflow, replace

__all__ = ["annotations_of", "with_annotation", "without_records"]

RECORDS = frozenset({"status"})
METADATA_RECORDS = frozenset({"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"})
"""What an API server writes into the metadata of objects."""


def annotations_of(node: Workflow | Callable) -> dict[str, str]:
    """The annotations of a workflow's object, or of a template; see `annotation_texts`."""
    if node.native_extra is None or not any(
        isinstance(part, str) and '"annotations":' in part for part in node.native_extra.parts
    ):
        return {}
    match write_native(node.native_extra):
        case {"metadata": {"annotations": dict(annotations)}}:
            return annotation_texts(annotations)
    return {}


def with_annotation(workflow: Workflow, key: str, text: str | None) -> Workflow:
    """The workflow with an annotation; None takes it away, and the mappings that are left empty with it.

    Raises:
        Unsupported: its metadata has no place for it.
    """
    rest = dict(write_native(workflow.native_extra)) if workflow.native_extra is not None else {}
    metadata = dict(_mapping(workflow, rest.get("metadata"), "metadata"))
    old = _mapping(workflow, metadata.get("annotations"), "metadata.annotations")
    annotations = {name: content for name, content in old.items() if name != key}
    if text is not None:
        annotations[key] = text
    for mapping, name, content in ((metadata, "annotations", annotations), (rest, "metadata", metadata)):
        if content:
            mapping[name] = content
        else:
            mapping.pop(name, None)
    return replace(workflow, native_extra=native(rest) if rest else None)


def without_records(workflow: Workflow) -> Workflow:
    """The workflow without what a cluster wrote to it: exported objects have that, and serializers leave it empty."""
    rest = dict(write_native(workflow.native_extra)) if workflow.native_extra is not None else {}
    metadata = rest.get("metadata")
    if not (rest.keys() & RECORDS or (isinstance(metadata, dict) and metadata.keys() & METADATA_RECORDS)):
        return workflow
    if isinstance(metadata, dict):
        rest["metadata"] = {key: content for key, content in metadata.items() if key not in METADATA_RECORDS}
    remaining = {key: content for key, content in rest.items() if key not in RECORDS and content != {}}
    return replace(workflow, native_extra=native(remaining) if remaining else None)


def _mapping(workflow: Workflow, content: Any, what: str) -> dict[str, Any]:
    if content is not None and not isinstance(content, dict):
        raise Unsupported(
            f"{workflow.label}: {what} is no mapping", engine="argo", feature="annotations", hint=f"correct {what}"
        )
    return content or {}
