"""The Tekton adapter, as it is registered. Importing this module imports nothing of the adapter's work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from couler_plugins.documents import Document
from couler_plugins.hookspecs import Adapter, ApiGroup, Capability, Optimizer, hookimpl
from couler_plugins.runs import Run
from couler_tekton.capabilities import CAPABILITIES
from couler_tekton.capabilities_generated import GENERATED
from couler_tekton.extract import Extract
from couler_tekton.kinds import GROUP


@dataclass(frozen=True)
class Options:
    """Options of `--to 'tekton{…}'`.

    Attributes:
        api: what the cluster's `enable-api-fields` says: what is written anew uses nothing that it does not allow.
            Tekton's own default is beta.
        image: the image for commands of other engines' workflows that run outside of containers there.
        store: the claim (PersistentVolumeClaim) that keeps artifacts of other engines' workflows.
        kubectl: an image with kubectl, for resources in other engines' workflows.
        parts: who starts the parts of what was split: `couler run` (driven), or Tekton, for which they are pipelines in
            a pipeline (nested; at the level alpha).
        prebuild: what makes documents ready before a cluster sees them. Konflux replaces a reference with a `version`
            by the bundle of that Task, so that lint takes such references; Tekton itself has no such field.
    """

    api: Literal["stable", "beta", "alpha"] = "beta"
    image: str = ""
    store: str = ""
    kubectl: str = ""
    parts: Literal["driven", "nested"] = "driven"
    prebuild: Literal["", "konflux"] = ""


class TektonAdapter(Adapter):
    """Pipeline, PipelineRun, Task, TaskRun and StepAction; other kinds pass through untouched."""

    engine: ClassVar[str] = "tekton"
    options: ClassVar[type] = Options
    capabilities: ClassVar[tuple[Capability, ...]] = CAPABILITIES
    generated: ClassVar[tuple[Capability, ...]] = GENERATED
    groups: ClassVar[tuple[ApiGroup, ...]] = (GROUP,)
    facets: ClassVar[Mapping[str, str]] = {
        "claims": "couler_tekton.documents:claims",
        "lift": "couler_tekton.lift:lift",
        "portable": "couler_tekton.portable.portable:portable",
        "homes": "couler_tekton.homes:homes",
        "images": "couler_tekton.images:images",
        "pod_sizes": "couler_tekton.pod_sizes:pod_sizes",
        "attempt_limits": "couler_tekton.retries:attempt_limits",
        "waiting": "couler_tekton.waiting:waiting",
        "lower": "couler_tekton.lower:lower",
        "footprint": "couler_tekton.footprint:Footprints",
        "cache": "couler_tekton.cache.cache:caches",
        "runner": "couler_tekton.run.runner:runner_of",
        "resume": "couler_tekton.resume:resume",
        "archive": "couler_tekton.archive:TektonArchive",
        "checks": "couler_tekton.doctor:checks",
        "splitting": "couler_tekton.split.splitting:splitting_of",
        "fusing": "couler_tekton.fuse.fusing:fusing_of",
        "tuning": "couler_tekton.tuning:TektonTuning",
        "originals": "couler_plugins.plan.part_files:originals",
        "lint": "couler_tekton.lint.lint:lint",
        "lint_codes": "couler_tekton.lint.codes:lint_codes",
        "pod_containers": "couler_tekton.pod_sizes:pod_containers",
    }


@hookimpl
def couler_optimizers() -> list[type[Optimizer]]:
    """What only pays for Tekton's documents."""
    return [Extract]


@hookimpl
def couler_adapters() -> list[Adapter]:
    """The Tekton adapter."""
    return [TektonAdapter()]


@hookimpl
def couler_runs(document: Document) -> list[Run]:
    """The runs that the statuses of PipelineRuns and TaskRuns tell of."""
    from couler_tekton.history import runs_in

    return runs_in(document.data)
