"""The annotation `couler.io/key-spec` of a document: which templates we cache, and the hash of what their keys cover.

It is an index: keys that are made from a spec hash are known by what they look like, others only by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec

from couler_argo.metadata import with_annotation
from couler_argo.spelling import write_native
from couler_plugins.ir import Workflow

__all__ = ["KEY_SPEC", "has_specs", "read_specs", "with_missing_specs", "with_specs"]

KEY_SPEC = "couler.io/key-spec"


def has_specs(workflow: Workflow) -> bool:
    """Whether there is such an annotation, readable or not."""
    if workflow.native_extra is None or not any(
        isinstance(part, str) and KEY_SPEC in part for part in workflow.native_extra.parts
    ):
        return False
    match write_native(workflow.native_extra):
        case {"metadata": {"annotations": {"couler.io/key-spec": _}}}:
            return True
    return False


def read_specs(workflow: Workflow) -> dict[str, str]:
    """The hash (empty for one that was not made from a spec) of each template that is marked; none if unreadable."""
    if workflow.native_extra is None or not has_specs(workflow):
        return {}
    text = write_native(workflow.native_extra)["metadata"]["annotations"][KEY_SPEC]
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
    return with_annotation(workflow, KEY_SPEC, text) if specs or has_specs(workflow) else workflow


def with_missing_specs(workflow: Workflow) -> Workflow:
    """The workflow with an empty index, for one that should have one: so that making it is a change."""
    return with_annotation(workflow, KEY_SPEC, "")
