"""The Argo adapter, as it is registered. Importing this module imports nothing of the adapter's work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from couler_argo.capabilities import CAPABILITIES, GENERATED
from couler_argo.kinds import GROUP
from couler_plugins.hookspecs import Adapter, ApiGroup, Capability, Footprint, hookimpl

if TYPE_CHECKING:
    from couler_plugins.documents import Document, Remark, SourceFile
    from couler_plugins.errors import CoulerError
    from couler_plugins.hookspecs.caching import EngineCache
    from couler_plugins.hookspecs.checking import Check
    from couler_plugins.hookspecs.eviction import Evictor, Target
    from couler_plugins.hookspecs.local import Local
    from couler_plugins.hookspecs.past_runs import Archive, Whence
    from couler_plugins.hookspecs.running import Runner, Where
    from couler_plugins.hookspecs.splitting import Splitting
    from couler_plugins.hookspecs.tuning import Tuning
    from couler_plugins.ir import Step, Workflow
    from couler_plugins.ir.bundle import Bundle
    from couler_plugins.plan import Decision, Lowered, Plan, Written
    from couler_plugins.runs import Run

__all__ = ["ArgoAdapter", "Options"]


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

    def claims(self, document: Document) -> bool:
        """Whether the document holds an Argo workflow."""
        from couler_argo.manifests import manifests

        return next(manifests(document.data), None) is not None

    def load(self, files: Iterable[SourceFile]) -> Bundle:
        """The files as one bundle, in which references are looked up."""
        from couler_plugins.ir.bundle import Bundle

        return Bundle.of(files)

    def lift(self, bundle: Bundle, refuse: Callable[[int, CoulerError], None]) -> Plan:
        """The workflows of all Argo documents; see `couler_argo.lift`."""
        from couler_argo.lift import lift

        return lift(bundle, refuse)

    def lower(self, plan: Plan, options: Options) -> Lowered:
        """The documents of a plan, and how they differ from the originals; see `couler_argo.lower`."""
        from couler_argo.lower import lower

        return lower(plan, options.version, options.image)

    def dump(self, lowered: Lowered) -> Written:
        """The text of what was lowered."""
        from couler_plugins.writing import write_files

        return write_files(lowered)

    def portable(self, workflow: Workflow, bundle: Bundle) -> tuple[Workflow, tuple[Decision, ...]]:
        """The workflow itself; see `couler_argo.foreign`."""
        from couler_argo.foreign import portable

        return portable(workflow), ()

    def footprint(self, workflow: Workflow) -> Callable[[Step], Footprint]:
        """Measures steps of one workflow; see `couler_argo.footprint`."""
        from couler_argo.footprint import Footprints

        return Footprints(workflow)

    def cache(self, plan: Plan) -> Callable[[Workflow], EngineCache[Any] | None]:
        """What memoizes results, or wraps commands; see `couler_argo.caching.cache`."""
        from couler_argo.caching.cache import caches

        return caches(plan)

    def evictor(self, target: Target) -> Evictor:
        """What evicts memoized results from ConfigMaps; see `couler_argo.evict.evictor`."""
        from couler_argo.evict.evictor import ArgoEvictor

        return ArgoEvictor(target)

    def runner(self, where: Where) -> Runner | None:
        """What runs workflows in a cluster, and nothing for a run in this process; see `couler_argo.running.runner`."""
        from couler_argo.running.runner import ArgoRunner

        return None if where.folder else ArgoRunner(where)

    def checks(self, api: Any, namespace: str) -> Iterable[Check]:
        """What features need of a cluster; see `couler_argo.doctor`."""
        from couler_argo.doctor import checks

        return checks(api, namespace)

    def local(self, workflow: Workflow, bundle: Bundle) -> Local:
        """What steps are and mean without a cluster; see `couler_argo.local`."""
        from couler_argo.local.facet import ArgoLocal

        return ArgoLocal(workflow)

    def archive(self, whence: Whence) -> Archive | None:
        """None: `argo get -o json` prints what `couler_runs` reads."""
        return None

    def splitting(self, workflow: Workflow, plan: Plan) -> Splitting | None:
        """What splitting has to know; see `couler_argo.splits.splitting`."""
        from couler_argo.splits.splitting import splitting_of

        return splitting_of(workflow)

    def tuning(self, workflow: Workflow, plan: Plan) -> Tuning:
        """What tuning has to know; see `couler_argo.tuning.facet`."""
        from couler_argo.tuning.facet import ArgoTuning

        return ArgoTuning(workflow, plan)

    def originals(self, bundle: Bundle) -> Mapping[str, str]:
        """The texts of files that were split; see `couler_plugins.originals`."""
        from couler_plugins.originals import originals

        return originals(bundle)

    def lint(self, bundle: Bundle, options: Options | None = None) -> Iterable[Remark]:
        """What Argo or the API server would refuse; see `couler_argo.lint`."""
        from couler_argo.lint import lint

        return lint(bundle, options.version if options is not None else "")


@hookimpl
def couler_adapters() -> list[Adapter]:
    """The Argo adapter."""
    return [ArgoAdapter()]


@hookimpl
def couler_runs(document: Document) -> list[Run]:
    """The runs that the statuses of Workflows tell of."""
    from couler_argo.runs import run_of, workflows_in

    return [run for run in map(run_of, workflows_in(document.data)) if run is not None]
