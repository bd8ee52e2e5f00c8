"""Tekton's kinds, as documents name them, and what each of them is.

Source: `pkg/apis/pipeline/v1` and `v1beta1` (Pipeline, PipelineRun, Task, TaskRun, StepAction).
"""

from __future__ import annotations

from typing import NamedTuple

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
