"""Tekton's kinds, as documents name them, and objects of v1beta1 in the words of v1, and back.

A cluster keeps them as v1, and runs them as v1. What v1 does not have, or v1beta1 has as well (`timeout` of a
PipelineRun), stays as it is.
Source: `pkg/apis/pipeline/v1` and `v1beta1` (Pipeline, PipelineRun, Task, TaskRun, StepAction), `*_conversion.go`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from couler_plugins.documents import Mapped, Path
from couler_plugins.hookspecs import ApiGroup

V1, V1BETA1, V1ALPHA1 = "tekton.dev/v1", "tekton.dev/v1beta1", "tekton.dev/v1alpha1"


class Kind(NamedTuple):
    """One of Tekton's kinds.

    Attributes:
        root: what it holds or runs: a `pipeline`, a `task` or a `step`; its graph or operation is called so, too.
        runs: whether it is run, rather than referred to.
        versions: the API versions that are read, the one that is written first; what older ones have besides passes
            through.
    """

    root: str
    runs: bool = False
    versions: tuple[str, ...] = (V1, V1BETA1)


KINDS = {
    "Pipeline": Kind("pipeline"),
    "PipelineRun": Kind("pipeline", runs=True),
    "Task": Kind("task"),
    "TaskRun": Kind("task", runs=True),
    "StepAction": Kind("step", versions=(V1BETA1, V1, V1ALPHA1)),
}

GROUP = ApiGroup(
    name="tekton.dev",
    kinds={name: tuple(version.partition("/")[2] for version in kind.versions) for name, kind in KINDS.items()},
    others=(
        *("ClusterTask", "Condition", "CustomRun", "PipelineResource", "Run", "VerificationPolicy"),
        *("ClusterTriggerBinding", "EventListener", "TriggerBinding", "TriggerTemplate"),
    ),
)
"""The others are no workflows, or are of old: triggers have a group of their own by now."""


Names = dict[str, dict[str, str]]

CONTAINERS = ("steps", "sidecars", "stepTemplate")
OVERRIDES = {"stepOverrides": "stepSpecs", "sidecarOverrides": "sidecarSpecs"}
OF_POD = {"taskPodTemplate": "podTemplate", "taskServiceAccountName": "serviceAccountName"}
NAMES: Names = {
    **{place: {"resources": "computeResources"} for place in (*CONTAINERS, *OVERRIDES)},
    "taskRunSpecs": {**OVERRIDES, **OF_POD},
    "TaskRun": OVERRIDES,
}
"""By where they stand: the names that v1 has for fields of v1beta1."""
OLD_NAMES: Names = {
    OVERRIDES.get(place, place): {new: old for old, new in names.items()} for place, names in NAMES.items()
}
OLD_FIELDS: dict[Any, str] = {new: old for names in NAMES.values() for old, new in names.items()}
WALKED = {*NAMES, *OLD_NAMES, "tasks", "finally", "taskSpec", "pipelineSpec"}
TEMPLATE = "taskRunTemplate"
IN_TEMPLATE = ("serviceAccountName", "podTemplate")
"""What a PipelineRun of v1beta1 says itself, and one of v1 in its `taskRunTemplate`."""


def is_older(kind: str, version: Any) -> bool:
    """Whether this kind is read in an older version; of StepActions there is none that is read otherwise."""
    return bool(kind != "StepAction" and version == V1BETA1)


def in_v1(kind: str, data: Mapped) -> Mapped:
    """An object of v1beta1 as one of v1 would say the same; only the version stays.

    Args:
        kind: what it is.
        data: the object; whatever is not built like one stays.
    """
    spec = data.get("spec")
    if not isinstance(spec, dict):
        return data
    renamed: Mapped = _renamed(spec, kind, NAMES)
    if kind == "PipelineRun" and TEMPLATE not in renamed:
        template = {name: renamed.pop(name) for name in IN_TEMPLATE if name in renamed}
        renamed.update({TEMPLATE: template} if template else {})
    return {**data, "spec": renamed}


def in_v1beta1(kind: str, data: Mapped) -> Mapped:
    """The reverse of `in_v1`."""
    renamed: Mapped = _renamed(data["spec"], kind, OLD_NAMES)
    template = renamed.get(TEMPLATE)
    if kind == "PipelineRun" and isinstance(template, dict) and not renamed.keys() & template.keys():
        renamed.update(renamed.pop(TEMPLATE))
    return {**data, "spec": renamed}


def place_in_v1beta1(path: Path, data: Mapped) -> Path:
    """Where something stands in an object of v1beta1.

    Args:
        path: where it stands in the same object in the words of v1.
        data: the object, in its own words.
    """
    path_before: list[str | int] = []
    node: Any = data
    for new in path:
        old = OLD_FIELDS.get(new, new) if isinstance(node, dict) and new not in node else new
        if old == TEMPLATE:  # what it holds stands where it would stand
            continue
        path_before.append(old)
        inside = isinstance(node, (dict, list)) and old in (node if isinstance(node, dict) else range(len(node)))
        node = node[old] if inside else None
    return tuple(path_before)


def _renamed(content: Any, place: str, names: Names) -> Any:
    if isinstance(content, list):
        return [_renamed(item, place, names) for item in content]
    if not isinstance(content, dict):
        return content
    own = names.get(place, {})
    return {
        own[name] if name in own and own[name] not in content else name: (
            _renamed(inner, name, names) if name in WALKED else inner
        )
        for name, inner in content.items()
    }
