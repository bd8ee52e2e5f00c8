"""The annotation `couler.io/key-spec` of a document: which templates we cache, and the hash of what their keys cover.

It is the only mark of what is ours, so that an owner's own settings are never taken for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec

from couler_argo.references import native
from couler_argo.spelling import write_native
from couler_plugins.ir import Workflow, replace

__all__ = ["KEY_SPEC", "read_specs", "with_specs"]

KEY_SPEC = "couler.io/key-spec"


def read_specs(workflow: Workflow) -> dict[str, str]:
    """The hash (empty for one that was not made from a spec) of each template that is marked; none if unreadable."""
    if workflow.rest is None or not any(isinstance(part, str) and KEY_SPEC in part for part in workflow.rest.parts):
        return {}
    match write_native(workflow.rest):
        case {"metadata": {"annotations": {"couler.io/key-spec": str(text)}}}:
            return parse_specs(text)
    return {}


def parse_specs(text: str) -> dict[str, str]:
    """What the annotation says; nothing where somebody has broken it."""
    try:
        return msgspec.json.decode(text, type=dict[str, str])
    except (msgspec.DecodeError, RecursionError):
        return {}


def with_specs(workflow: Workflow, specs: Mapping[str, str]) -> Workflow:
    """The workflow with these marks and no others; without any, the mappings that are left empty go too."""
    if not specs and not read_specs(workflow):
        return workflow
    rest = dict(write_native(workflow.rest)) if workflow.rest is not None else {}
    metadata = dict(rest.get("metadata") or {})
    annotations = {key: text for key, text in (metadata.get("annotations") or {}).items() if key != KEY_SPEC}
    if specs:
        annotations[KEY_SPEC] = json.dumps(dict(sorted(specs.items())), separators=(",", ":"))
    for mapping, key, content in ((metadata, "annotations", annotations), (rest, "metadata", metadata)):
        if content:
            mapping[key] = content
        else:
            mapping.pop(key, None)
    return replace(workflow, rest=native(rest) if rest else None)
