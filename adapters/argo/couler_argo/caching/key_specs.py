"""The annotation `couler.io/key-spec` of a document: which templates we cache, and the hash of what their keys cover.

It is an index: keys that are made from a spec hash are known by what they look like, others only by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from couler_argo.references import native
from couler_argo.spelling import write_native
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Workflow, replace

__all__ = ["KEY_SPEC", "has_specs", "read_specs", "with_missing_specs", "with_specs"]

KEY_SPEC = "couler.io/key-spec"


def has_specs(workflow: Workflow) -> bool:
    """Whether there is such an annotation, readable or not."""
    if workflow.rest is None or not any(isinstance(part, str) and KEY_SPEC in part for part in workflow.rest.parts):
        return False
    match write_native(workflow.rest):
        case {"metadata": {"annotations": {"couler.io/key-spec": _}}}:
            return True
    return False


def read_specs(workflow: Workflow) -> dict[str, str]:
    """The hash (empty for one that was not made from a spec) of each template that is marked; none if unreadable."""
    if workflow.rest is None or not has_specs(workflow):
        return {}
    text = write_native(workflow.rest)["metadata"]["annotations"][KEY_SPEC]
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, RecursionError, TypeError):
        return {}


def with_specs(workflow: Workflow, specs: Mapping[str, str]) -> Workflow:
    """The workflow with these marks and no others; without any, the mappings that are left empty go too.

    Raises:
        Unsupported: its metadata has no place for them.
    """
    text = json.dumps(dict(sorted(specs.items())), separators=(",", ":")) if specs else None
    return _with_text(workflow, text) if specs or has_specs(workflow) else workflow


def with_missing_specs(workflow: Workflow) -> Workflow:
    """The workflow with an empty index, for one that should have one: so that making it is a change."""
    return _with_text(workflow, "")


def _with_text(workflow: Workflow, text: str | None) -> Workflow:
    rest = dict(write_native(workflow.rest)) if workflow.rest is not None else {}
    metadata = dict(_mapping(workflow, rest.get("metadata"), "metadata"))
    old = _mapping(workflow, metadata.get("annotations"), "metadata.annotations")
    annotations = {key: content for key, content in old.items() if key != KEY_SPEC}
    if text is not None:
        annotations[KEY_SPEC] = text
    for mapping, key, content in ((metadata, "annotations", annotations), (rest, "metadata", metadata)):
        if content:
            mapping[key] = content
        else:
            mapping.pop(key, None)
    return replace(workflow, rest=native(rest) if rest else None)


def _mapping(workflow: Workflow, content: Any, what: str) -> dict[str, Any]:
    if content is not None and not isinstance(content, dict):
        raise Unsupported(
            f"{workflow.label}: {what} is no mapping", engine="argo", feature="annotations", hint=f"correct {what}"
        )
    return content or {}
