"""The Airflow adapter, as it is registered. Importing this module imports nothing of the adapter's work."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from couler_airflow.capabilities import CAPABILITIES
from couler_airflow.capabilities_generated import GENERATED
from couler_plugins.hookspecs import Adapter, Capability, hookimpl

if TYPE_CHECKING:
    from couler_plugins.documents import Document, SourceFile
    from couler_plugins.errors import CoulerError
    from couler_plugins.hookspecs.caching import EngineCache
    from couler_plugins.hookspecs.past_runs import Archive, Whence
    from couler_plugins.hookspecs.splitting import Splitting
    from couler_plugins.ir import Workflow
    from couler_plugins.ir.bundle import Bundle
    from couler_plugins.plan import Decision, Lowered, Plan, Written
    from couler_plugins.runs import Run

__all__ = ["AirflowAdapter", "Options"]


@dataclass(frozen=True)
class Options:
    """Options of `--to 'airflow{…}'`.

    Attributes:
        on_unsupported: what becomes of what a DAG has no place for, where that does not count for what is computed
            (when finished runs are removed, outputs that nothing reads): `error` refuses it, `warn` leaves it out and
            says so, `drop` does not even say so. What does count is refused in any case.
    """

    on_unsupported: Literal["error", "warn", "drop"] = "error"


class AirflowAdapter(Adapter):
    """DAG files, which Airflow loads, and the DAG objects in them, which are changed in place.

    Workflows of other engines become DAG files.
    """

    engine: ClassVar[str] = "airflow"
    marks: ClassVar[tuple[str, ...]] = ("airflow",)
    options: ClassVar[type] = Options
    suffix: ClassVar[str] = ".py"
    capabilities: ClassVar[tuple[Capability, ...]] = CAPABILITIES
    generated: ClassVar[tuple[Capability, ...]] = GENERATED

    def claims(self, document: Document) -> bool:
        """Whether the document is a Python file that names both Airflow and a DAG."""
        from couler_airflow.dagfiles import is_dag_file

        return is_dag_file(document)

    def load(self, files: Iterable[SourceFile]) -> Bundle:
        """The DAGs of the files; this runs them. See `couler_airflow.dagfiles`."""
        from couler_airflow.bundle import DagBundle
        from couler_airflow.dagfiles import is_dag_file, load_dags

        claimed = ((file, load_dags(file) if any(map(is_dag_file, file.documents)) else ()) for file in files)
        return DagBundle.of_dags(claimed, snapshots=True)

    def lift(self, bundle: Bundle, refuse: Callable[[int, CoulerError], None]) -> Plan:
        """The workflows of all DAGs; see `couler_airflow.lift`."""
        from couler_airflow.bundle import DagBundle
        from couler_airflow.lift import lift

        assert isinstance(bundle, DagBundle)
        return lift(bundle, refuse)

    def portable(self, workflow: Workflow, bundle: Bundle) -> tuple[Workflow, tuple[Decision, ...]]:
        """A DAG as a workflow of containers; see `couler_airflow.portable`."""
        from couler_airflow.bundle import DagBundle
        from couler_airflow.portable import portable

        assert isinstance(bundle, DagBundle)
        assert workflow.source is not None
        return portable(workflow, bundle.live_of(workflow.source).dag)

    def lower(self, plan: Plan, options: Options) -> Lowered:
        """Changes the DAGs of a plan in place, and says what that changed; see `couler_airflow.lower`.

        Workflows of other engines are written down as DAGs; see `couler_airflow.generating.workflows`.
        """
        from couler_airflow.lower import commit

        return commit(plan, options.on_unsupported).lowered

    def cache(self, plan: Plan) -> Callable[[Workflow], EngineCache[Any] | None]:
        """What asks workers to look results up; see `couler_airflow.caching`."""
        from couler_airflow.caching import caches

        return caches(plan)

    def splitting(self, workflow: Workflow, plan: Plan) -> Splitting | None:
        """What splitting a DAG has to know; see `couler_airflow.splits.splitting`."""
        from couler_airflow.bundle import DagBundle
        from couler_airflow.splits.splitting import splitting_of

        if not isinstance(plan.bundle, DagBundle) or workflow.source is None:
            return None
        return splitting_of(workflow, plan.bundle.live_of(workflow.source).dag)

    def archive(self, whence: Whence) -> Archive:
        """What fetches past runs of DAGs; see `couler_airflow.history.archive`."""
        from couler_airflow.history.archive import AirflowArchive

        return AirflowArchive(whence)

    def dump(self, lowered: Lowered) -> Written:
        """The source of generated DAGs, and what changed in others, for people: their files are their owner's.

        The parts of a DAG that was split are shown with it.
        """
        from couler_airflow.generating.workflows import DagSource, file_of
        from couler_airflow.shown import shown

        generated = [item for item in lowered.added if isinstance(item, DagSource)]
        return replace(shown(lowered), added=file_of(generated)) if generated else shown(lowered)


@hookimpl
def couler_adapters() -> list[Adapter]:
    """The Airflow adapter."""
    return [AirflowAdapter()]


@hookimpl
def couler_runs(document: Document) -> list[Run]:
    """The runs that Airflow's task instances tell of, as its API gives them or `couler history` has written them."""
    from couler_airflow.history.records import document_of
    from couler_airflow.history.runs import runs_of

    found = document_of(document.data)
    return [] if found is None else runs_of(found)
