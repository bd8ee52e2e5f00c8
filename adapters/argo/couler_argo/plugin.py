"""The Argo adapter, as it is registered. Importing this module imports nothing of the adapter's work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from couler_argo.capabilities import CAPABILITIES, GENERATED
from couler_plugins.documents import Document
from couler_plugins.hookspecs import Adapter, ApiGroup, Capability, hookimpl
from couler_plugins.runs import Run

VERSIONS = ("v1alpha1",)

GROUP = ApiGroup(
    name="argoproj.io",
    kinds=dict.fromkeys(("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow"), VERSIONS),
    others=(
        *("WorkflowArtifactGCTask", "WorkflowEventBinding", "WorkflowTaskResult", "WorkflowTaskSet"),
        *(
            "AppProject",
            "Application",
            "ApplicationSet",
            "ArgoCD",
            "ArgoCDExport",
            "ImageUpdater",
            "NotificationsConfiguration",
        ),
        *("AnalysisRun", "AnalysisTemplate", "ClusterAnalysisTemplate", "Experiment", "Rollout", "RolloutManager"),
        *("EventBus", "EventSource", "Gateway", "NotificationsConfiguration", "Sensor"),
    ),
)
"""Of Argo Workflows; the others are those that only its controller makes, and those of Argo CD, Rollouts and Events."""


@dataclass(frozen=True)
class Options:
    """Options of `--to 'argo{…}'`.

    Attributes:
        version: the Argo version that the manifests are for, such as 3.7 or 4.1; spellings that it does not know are
            rewritten. Without one, every manifest keeps its own.
        image: the image for commands of other engines' workflows that run outside of containers there.
    """

    version: str = ""
    image: str = ""


class ArgoAdapter(Adapter):
    """Workflow, WorkflowTemplate, ClusterWorkflowTemplate and CronWorkflow; other kinds pass through untouched."""

    engine: ClassVar[str] = "argo"
    options: ClassVar[type] = Options
    capabilities: ClassVar[tuple[Capability, ...]] = CAPABILITIES
    generated: ClassVar[tuple[Capability, ...]] = GENERATED
    groups: ClassVar[tuple[ApiGroup, ...]] = (GROUP,)
    facets: ClassVar[Mapping[str, str]] = {
        "claims": "couler_argo.documents:claims",
        "lift": "couler_argo.lift:lift",
        "portable": "couler_argo.portable.portable:portable",
        "homes": "couler_argo.homes:homes",
        "start_order": "couler_argo.homes:start_order",
        "images": "couler_argo.images:images",
        "pod_sizes": "couler_argo.pod_sizes:pod_sizes",
        "retry_by_cause": "couler_argo.retries:retry_by_cause",
        "repeats": "couler_argo.retries:repeats",
        "attempt_limits": "couler_argo.retries:attempt_limits",
        "waiting": "couler_argo.waiting:waiting",
        "memory_by_attempt": "couler_argo.attempt_memory:memory_by_attempt",
        "keep_order": "couler_argo.unstaging:keep_order",
        "lower": "couler_argo.lower:lower",
        "footprint": "couler_argo.footprint:Footprints",
        "cache": "couler_argo.cache.cache:caches",
        "evictor": "couler_argo.evict.evictor:ArgoEvictor",
        "runner": "couler_argo.run.runner:runner_of",
        "archive": "couler_argo.archive:ArgoArchive",
        "resume": "couler_argo.resume:resume",
        "checks": "couler_argo.doctor:checks",
        "local": "couler_argo.run.local.semantics:local_of",
        "fusing": "couler_argo.fuse.fusing:fusing_of",
        "splitting": "couler_argo.split.splitting:splitting_of",
        "tuning": "couler_argo.tuning:ArgoTuning",
        "originals": "couler_plugins.plan.part_files:originals",
        "lint": "couler_argo.lint.lint:lint",
        "lint_codes": "couler_argo.lint.codes:lint_codes",
        "pod_containers": "couler_argo.pod_sizes:pod_containers",
    }


@hookimpl
def couler_adapters() -> list[Adapter]:
    """The Argo adapter."""
    return [ArgoAdapter()]


@hookimpl
def couler_runs(document: Document) -> list[Run]:
    """The runs that the statuses of Workflows tell of."""
    from couler_argo.history import run_of, workflows_in

    return [run for run in map(run_of, workflows_in(document.data)) if run is not None]
