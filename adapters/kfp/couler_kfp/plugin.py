"""The KFP adapter, as it is registered. Importing this module imports nothing of the adapter's work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from couler_kfp.capabilities import CAPABILITIES
from couler_kfp.capabilities_generated import GENERATED
from couler_plugins.documents import Document
from couler_plugins.hookspecs import Adapter, Capability, hookimpl
from couler_plugins.runs import Run


@dataclass(frozen=True)
class Options:
    """Options of `--to 'kfp{…}'`.

    Attributes:
        merge: what tasks have in common once their operations were merged: `executors` (each keeps a component of its
            own, so that `kfp.local` still keeps their outputs apart), or `components` as well, which is smaller and for
            backends only.
        image: the image for commands of other engines' workflows that run outside of containers there.
        kubectl: the image, with a shell and kubectl, for what other engines make of Kubernetes' resources.
    """

    merge: Literal["executors", "components"] = "executors"
    image: str = ""
    kubectl: str = ""


class KfpAdapter(Adapter):
    """Compiled pipelines: IR YAML, with a platform document or without, and the Kubernetes-native PipelineVersion."""

    engine: ClassVar[str] = "kfp"
    marks: ClassVar[tuple[str, ...]] = ("pipelineInfo", "deploymentSpec", "pipelines.kubeflow.org/")
    options: ClassVar[type] = Options
    capabilities: ClassVar[tuple[Capability, ...]] = CAPABILITIES
    generated: ClassVar[tuple[Capability, ...]] = GENERATED
    facets: ClassVar[Mapping[str, str]] = {
        "claims": "couler_kfp.documents:claims",
        "load": "couler_kfp.bundle:load",
        "lift": "couler_kfp.lift:lift",
        "portable": "couler_kfp.portable.portable:portable",
        "homes": "couler_kfp.homes:homes",
        "pod_sizes": "couler_kfp.pod_sizes:pod_sizes",
        "images": "couler_kfp.images:images",
        "lower": "couler_kfp.lower:lower",
        "footprint": "couler_kfp.footprint:Footprints",
        "cache": "couler_kfp.cache.cache:caches",
        "runner": "couler_kfp.run.runner:runner_of",
        "local_checks": "couler_kfp.doctor:local_checks",
        "resume": "couler_kfp.resume:resume",
        "archive": "couler_kfp.archive:KfpArchive",
        "splitting": "couler_kfp.split.splitting:splitting_of",
        "fusing": "couler_kfp.fuse.fusing:fusing_of",
        "tuning": "couler_kfp.tuning:KfpTuning",
        "originals": "couler_plugins.plan.part_files:originals",
        "lint": "couler_kfp.lint:lint",
    }


@hookimpl
def couler_adapters() -> list[Adapter]:
    """The KFP adapter."""
    return [KfpAdapter()]


@hookimpl
def couler_runs(document: Document) -> list[Run]:
    """The runs that KFP's API tells of, as it gives them or `couler history` has written them."""
    from couler_kfp.history.records import document_of
    from couler_kfp.history.runs import runs_of

    result = document_of(document.data)
    return [] if result is None else runs_of(result)
