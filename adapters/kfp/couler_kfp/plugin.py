"""The KFP adapter, as it is registered. Importing this module imports nothing of the adapter's work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from couler_kfp.capabilities import CAPABILITIES
from couler_kfp.capabilities_generated import GENERATED
from couler_plugins.hookspecs import Adapter, Capability, hookimpl

if TYPE_CHECKING:
    from couler_kfp.tuning.facet import KfpTuning
    from couler_plugins.documents import Document, Remark, SourceFile
    from couler_plugins.errors import CoulerError
    from couler_plugins.hookspecs import Footprint
    from couler_plugins.hookspecs.caching import EngineCache
    from couler_plugins.hookspecs.past_runs import Archive, Whence
    from couler_plugins.hookspecs.running import Runner, Where
    from couler_plugins.hookspecs.splitting import Splitting
    from couler_plugins.ir import Step, Workflow
    from couler_plugins.ir.bundle import Bundle
    from couler_plugins.plan import Decision, Lowered, Plan
    from couler_plugins.runs import Run

__all__ = ["KfpAdapter", "Options"]


@dataclass(frozen=True)
class Options:
    """Options of `--to 'kfp{…}'`.

    Attributes:
        merge: what tasks have in common once their operations were merged: `executors` (each keeps a component of its
            own, so that `kfp.local` still keeps their outputs apart), or `components` as well, which is smaller and for
            backends only.
        image: the image for commands of other engines' workflows that run outside of containers there.
    """

    merge: Literal["executors", "components"] = "executors"
    image: str = ""


class KfpAdapter(Adapter):
    """Compiled pipelines: IR YAML, with a platform document or without, and the Kubernetes-native PipelineVersion."""

    engine: ClassVar[str] = "kfp"
    marks: ClassVar[tuple[str, ...]] = ("pipelineInfo", "deploymentSpec", "pipelines.kubeflow.org/")
    options: ClassVar[type] = Options
    capabilities: ClassVar[tuple[Capability, ...]] = CAPABILITIES
    generated: ClassVar[tuple[Capability, ...]] = GENERATED

    def claims(self, document: Document) -> bool:
        """Whether the document holds a pipeline."""
        from couler_kfp.pipelines import is_pipeline

        return is_pipeline(document.data)

    def load(self, files: Iterable[SourceFile]) -> Bundle:
        """The files as KFP reads them; see `couler_kfp.pipelines.read_as_kfp`."""
        from couler_kfp.pipelines import read_as_kfp
        from couler_plugins.ir.bundle import Bundle

        return Bundle.of(map(read_as_kfp, files))

    def lift(self, bundle: Bundle, refuse: Callable[[int, CoulerError], None]) -> Plan:
        """The pipelines of all documents; see `couler_kfp.lift`."""
        from couler_kfp.lift import lift

        return lift(bundle, refuse)

    def lint(self, bundle: Bundle, options: Options | None = None) -> Iterable[Remark]:
        """What KFP would refuse, and what fails when it runs; see `couler_kfp.lint`."""
        from couler_kfp.lint import lint

        return lint(bundle)

    def portable(self, workflow: Workflow, bundle: Bundle) -> tuple[Workflow, tuple[Decision, ...]]:
        """The pipeline as a workflow of containers; see `couler_kfp.converting`."""
        from couler_kfp.converting.portable import portable

        return portable(workflow)

    def lower(self, plan: Plan, options: Options) -> Lowered:
        """The documents of a plan, and how they differ from the originals; see `couler_kfp.lower`."""
        from couler_kfp.lower import lower

        return lower(plan, merge=options.merge == "components", image=options.image)

    def archive(self, whence: Whence) -> Archive:
        """What fetches past runs of pipelines; see `couler_kfp.history.archive`."""
        from couler_kfp.history.archive import KfpArchive

        return KfpArchive(whence)

    def footprint(self, workflow: Workflow) -> Callable[[Step], Footprint]:
        """Measures steps of one pipeline as KFP's backend makes them; see `couler_kfp.footprint`."""
        from couler_kfp.footprint import Footprints

        return Footprints(workflow)

    def runner(self, where: Where) -> Runner:
        """What runs pipelines in this process, or in a cluster; see `couler_kfp.running.runner`."""
        from couler_kfp.running.runner import runner_of

        return runner_of(where)

    def splitting(self, workflow: Workflow, plan: Plan) -> Splitting | None:
        """What splitting has to know; see `couler_kfp.splits.splitting`."""
        from couler_kfp.splits.splitting import splitting_of

        return splitting_of(workflow, plan.bundle)

    def tuning(self, workflow: Workflow, plan: Plan) -> KfpTuning:
        """What tuning has to know; see `couler_kfp.tuning.facet`."""
        from couler_kfp.tuning.facet import KfpTuning

        return KfpTuning(workflow)

    def originals(self, bundle: Bundle) -> Mapping[str, str]:
        """The texts of files that were split; see `couler_plugins.originals`."""
        from couler_plugins.originals import originals

        return originals(bundle)

    def cache(self, plan: Plan) -> Callable[[Workflow], EngineCache[Any] | None]:
        """What turns the backend's cache on and off; see `couler_kfp.caching.cache`."""
        from couler_kfp.caching.cache import caches

        return caches(plan)


@hookimpl
def couler_adapters() -> list[Adapter]:
    """The KFP adapter."""
    return [KfpAdapter()]


@hookimpl
def couler_runs(document: Document) -> list[Run]:
    """The runs that KFP's API tells of, as it gives them or `couler history` has written them."""
    from couler_kfp.history.records import document_of
    from couler_kfp.history.runs import runs_of

    found = document_of(document.data)
    return [] if found is None else runs_of(found)
