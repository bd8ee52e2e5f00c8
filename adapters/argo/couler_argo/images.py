"""Images of Argo's containers: those of templates, of container sets, and of `templateDefaults`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from couler_argo.documents import SPEC_PATHS, rest_of
from couler_argo.references import native, value
from couler_argo.spelling import write
from couler_plugins.documents import Path
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.ir import ImageChange, Operation, Value, Workflow, map_images, replace

T = TypeVar("T", Workflow, Operation)

KEYS = ("container", "script", "containers", "initContainers", "sidecars")
"""Where container sets and templates have containers: one, or a list."""


def images(workflow: Workflow, change: ImageChange) -> Workflow:
    """Return a workflow with every image that its steps run replaced by what `change` makes of it."""

    def of_set(operation: Operation) -> Operation:
        if operation.kind != "containerSet":
            return operation
        return _with_native(operation, ("containerSet",), lambda image: change(operation.name, image))

    changed = map_images(workflow, change)
    changed = replace(changed, operations=tuple(map(of_set, changed.operations)))
    path = (*SPEC_PATHS.get(workflow.kind, ("spec",)), "templateDefaults")
    return _with_native(changed, path, lambda image: change("", image))


def _with_native(node: T, path: Path, change: Callable[[Value], Value]) -> T:
    """Return a workflow or an operation with images changed in what its native fields have under a path."""
    rest = rest_of(node)
    holder = mapping_at(rest, *path)
    before = {key: holder[key] for key in KEYS if key in holder}
    holder |= {key: _changed(content, change) for key, content in before.items()}
    same = all(holder[key] == content for key, content in before.items())
    return node if same else replace(node, native_extra=native(rest))


def _changed(content: Any, change: Callable[[Value], Value]) -> Any:
    if isinstance(content, list):
        return [_changed(item, change) for item in content]
    if not isinstance(content, dict) or not isinstance(content.get("image"), str):
        return content
    before = value(content["image"])
    after = change(before)
    return content if after == before else {**content, "image": write(after)}
