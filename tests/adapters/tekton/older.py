"""Documents of v1 written for v1beta1, by rules of its own: the adapter's are not asked."""

from __future__ import annotations

from typing import Any

__all__ = ["for_v1beta1"]

BODIES = ("steps", "sidecars", "stepTemplate", "stepSpecs", "sidecarSpecs")
OVERRIDES = {"stepSpecs": "stepOverrides", "sidecarSpecs": "sidecarOverrides"}
POD = {"podTemplate": "taskPodTemplate", "serviceAccountName": "taskServiceAccountName"}


def for_v1beta1(item: Any) -> Any:
    """An object of v1 as one of v1beta1; StepActions, which have no v1, as they are."""
    if item["kind"] == "StepAction" or not isinstance(item.get("spec"), dict):
        return item
    spec = _written(item["spec"])
    template = spec.pop("taskRunTemplate", None) or {}
    return {**item, "apiVersion": "tekton.dev/v1beta1", "spec": {**spec, **template}}


def _written(data: Any, within: str = "") -> Any:
    if isinstance(data, list):
        return [_written(inner, within) for inner in data]
    if not isinstance(data, dict):
        return data
    names: dict[str, str] = dict(OVERRIDES)
    if within in BODIES:
        names["computeResources"] = "resources"
    if within == "taskRunSpecs":
        names |= POD
    return {names.get(key, key): _written(inner, key) for key, inner in data.items()}
