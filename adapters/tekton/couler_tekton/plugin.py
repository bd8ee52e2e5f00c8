"""The Tekton adapter, as it is registered. Importing this module imports nothing of the adapter's work."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from couler_plugins.hookspecs import Adapter, ApiGroup, Capability, Optimizer, hookimpl
from couler_tekton.capabilities import CAPABILITIES
from couler_tekton.capabilities_generated import GENERATED
from couler_tekton.kinds import GROUP

if TYPE_CHECKING:
    from couler_plugins.documents import Document, Remark
    from couler_plugins.errors import CoulerError
    from couler_plugins.hookspecs import Footprint
    from couler_plugins.hookspecs.caching import EngineCache
    from couler_plugins.hookspecs.checking import Check
    from couler_plugins.hookspecs.running import Runner, Where
    from couler_plugins.hookspecs.splitting import Splitting
    from couler_plugins.hookspecs.tuning import Tuning
    from couler_plugins.ir import Step, Workflow
    from couler_plugins.ir.bundle import Bundle
    from couler_plugins.plan import Decision, Lowered, Plan
    from couler_plugins.runs import Run

__all__ = ["Options", "TektonAdapter"]


@dataclass(frozen=True)
class Options:
    """Options of `--to 'tekton{…}'`.

    Attributes:
        api: what the cluster's `enable-api-fields` says: what is written anew uses nothing that it does not allow.
            Tekton's own default is beta.
        image: the image for commands of other engines' workflows that run outside of containers there.
        parts: who starts the parts of what was split: `couler run` (driven), or Tekton, for which they are pipelines in
            a pipeline (nested; at the level alpha).
        prebuild: what makes documents ready before a cluster sees them. Konflux replaces a reference with a `version`
            by the bundle of that Task, so that lint takes such references; Tekton itself has no such field.
    """

    api: Literal["stable", "beta", "alpha"] = "beta"
    image: str = ""
    parts: Literal["driven", "nested"] = "driven"
    prebuild: Literal["", "konflux"] = ""


class TektonAdapter(Adapter):
    """Pipeline, PipelineRun, Task, TaskRun and StepAction; other kinds pass through untouched."""

    engine: ClassVar[str] = "tekton"
    options: ClassVar[type] = Options
    capabilities: ClassVar[tuple[Capability, ...]] = CAPABILITIES
    generated: ClassVar[tuple[Capability, ...]] = GENERATED
    groups: ClassVar[tuple[ApiGroup, ...]] = (GROUP,)

    def claims(self, document: Document) -> bool:
        """Whether the document holds one of Tekton's objects."""
        from couler_tekton.objects import objects

        return next(objects(document.data), None) is not None

    def lift(self, bundle: Bundle, refuse: Callable[[int, CoulerError], None]) -> Plan:
        """The workflows of all documents; see `couler_tekton.lift`."""
        from couler_tekton.lift import lift

        return lift(bundle, refuse)

    def portable(self, workflow: Workflow, bundle: Bundle) -> tuple[Workflow | None, tuple[Decision, ...]]:
        """The run as a workflow of containers; see `couler_tekton.converting`."""
        from couler_tekton.converting.portable import portable

        return portable(workflow, bundle)

    def lower(self, plan: Plan, options: Options) -> Lowered:
        """The documents of a plan, and how they differ from the originals; see `couler_tekton.lower`."""
        from couler_tekton.lower import lower

        return lower(plan, options.api, options.image, nesting=options.parts == "nested")

    def cache(self, plan: Plan) -> Callable[[Workflow], EngineCache[Any] | None]:
        """What has pods look their results up; see `couler_tekton.caching.cache`."""
        from couler_tekton.caching.cache import caches

        return caches(plan)

    def footprint(self, workflow: Workflow) -> Callable[[Step], Footprint]:
        """Measures tasks of one pipeline; see `couler_tekton.footprint`."""
        from couler_tekton.footprint import Footprints

        return Footprints(workflow)

    def checks(self, api: Any, namespace: str) -> Iterable[Check]:
        """What features need of a cluster; see `couler_tekton.doctor`."""
        from couler_tekton.doctor import checks

        return checks(api, namespace)

    def runner(self, where: Where) -> Runner | None:
        """What runs pipelines in a cluster, and nothing for a run here; see `couler_tekton.running.runner`."""
        from couler_tekton.running.runner import TektonRunner

        return None if where.folder else TektonRunner(where)

    def splitting(self, workflow: Workflow, plan: Plan) -> Splitting | None:
        """What splitting has to know; see `couler_tekton.splits.splitting`."""
        from couler_tekton.splits.splitting import splitting_of

        return splitting_of(workflow, plan)

    def tuning(self, workflow: Workflow, plan: Plan) -> Tuning:
        """What tuning has to know; see `couler_tekton.tuning.facet`."""
        from couler_tekton.tuning.facet import TektonTuning

        return TektonTuning(workflow, plan)

    def originals(self, bundle: Bundle) -> Mapping[str, str]:
        """The texts of files that were split; see `couler_plugins.originals`."""
        from couler_plugins.originals import originals

        return originals(bundle)

    def lint(self, bundle: Bundle, options: Options | None = None) -> Iterable[Remark]:
        """What Tekton's webhook would refuse; see `couler_tekton.lint`."""
        from couler_tekton.lint import lint

        return lint(bundle, options.api, options.prebuild) if options is not None else lint(bundle)


@hookimpl
def couler_optimizers() -> list[type[Optimizer]]:
    """What only pays for Tekton's documents."""
    from couler_tekton.extract import Extract

    return [Extract]


@hookimpl
def couler_adapters() -> list[Adapter]:
    """The Tekton adapter."""
    return [TektonAdapter()]


@hookimpl
def couler_runs(document: Document) -> list[Run]:
    """The runs that the statuses of PipelineRuns and TaskRuns tell of."""
    from couler_tekton.runs import runs_in

    return runs_in(document.data)
