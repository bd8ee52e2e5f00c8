"""What workflows and templates say beside what the IR models: annotations, the spec, and what a cluster writes."""

from __future__ import annotations

from typing import Any

from couler_argo.documents import SPEC_PATHS
from couler_argo.references import native
from couler_argo.spelling import write_native
from couler_plugins.caching.declarations import annotation_texts
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Callable, Workflow, replace

RECORDS = frozenset({"status"})
METADATA_RECORDS = frozenset({"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"})
"""What an API server writes into the metadata of objects."""


def rest_of(node: Any) -> dict[str, Any]:
    """What a node says that is not lifted into typed fields; it may be changed."""
    data = write_native(node.native_extra) if node.native_extra is not None else {}
    return dict(data) if isinstance(data, dict) else {}


def spec_of(workflow: Workflow) -> dict[str, Any]:
    """What the spec of a workflow says that is not lifted into typed fields."""
    return mapping_at(rest_of(workflow), *SPEC_PATHS.get(workflow.kind, ("spec",)))


def annotations_of(node: Workflow | Callable) -> dict[str, str]:
    """The annotations of a workflow's object, or of a template; see `annotation_texts`."""
    if node.native_extra is None or not any(
        isinstance(part, str) and '"annotations":' in part for part in node.native_extra.parts
    ):
        return {}
    return annotation_texts(mapping_at(rest_of(node), "metadata", "annotations"))


def with_annotation(workflow: Workflow, key: str, text: str | None) -> Workflow:
    """The workflow with an annotation; None takes it away, and the mappings that are left empty with it.

    Raises:
        Unsupported: its metadata has no place for it.
    """
    rest = rest_of(workflow)
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
    rest = rest_of(workflow)
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
