"""Which tasks of a DAG are cached: the analysis that their workers make when they run, as far as a DAG tells before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from couler_airflow.bundle import DagBundle
from couler_airflow.cache.around import join_remedies
from couler_airflow.cache.eligible import is_keyed, is_pod
from couler_airflow.cache.key import TaskMaterial
from couler_airflow.cache.output_paths import check_outputs
from couler_airflow.cache.parsed import parse_task
from couler_airflow.cache.rows import ROWS, Owner, TaskRows, contents, in_row
from couler_airflow.containers import field_of
from couler_airflow.marks import Declaration
from couler_airflow.runtime.upstream import PRODUCER, by_order, too_many, without_key
from couler_airflow.settings import is_enabled, load_settings
from couler_plugins.caching.code.uncacheable import objections_of
from couler_plugins.caching.decisions import NAME
from couler_plugins.caching.key_models.analyzed import WRAPPING
from couler_plugins.caching.key_models.worker import WorkerKeys
from couler_plugins.caching.settings import CacheSettings
from couler_plugins.caching.waivers import waiver_of
from couler_plugins.hookspecs.caching import CacheChange, Objection, Request, SourcePlace
from couler_plugins.ir import Graph, GraphView, Operation, Source, Step, Workflow
from couler_plugins.plan import Decision, Plan

ALWAYS = "it runs every time, under a key for what comes after it"
MARK = "@couler_airflow.cached above its function, or couler_airflow.cached(…) of the task or the DAG"
MUTABLE = "its image has no digest, and may change"
NO_STORE = Objection(
    "no-store",
    "no store is set in this environment, and without one workers cache nothing",
    remedy="cache_store = s3://bucket/cache to [couler] in airflow.cfg, or set AIRFLOW__COULER__CACHE_STORE, on "
    "workers and the DAG processor (on one host, a folder is enough)",
)
SWITCHED_OFF = Objection(
    "switched-off", "caching is switched off here", remedy="enabled = true to [couler] in airflow.cfg"
)
NO_ROWS = Objection(
    "no-declarations",
    "rows of the settings declare tasks here, and workers read other rows",
    remedy="declarations = /path/couler.toml to [couler] in airflow.cfg, or set AIRFLOW__COULER__DECLARATIONS, on "
    "workers and the DAG processor",
)
UNWRAPPED = (
    "via=wrapper wraps nothing here: workers look results up themselves, and a hit starts no pod; they take the store "
    "from cache_store in [couler], and their own settings"
)
UNDECLARED = Objection("not-declared", "its owner has not declared it pure", remedy=MARK)

Objections = tuple[Objection, ...]


def caches(plan: Plan) -> Callable[[Workflow], AirflowCache | None]:
    """Return what makes the cache of each DAG of a plan; None for what no DAG was read as."""
    bundle = plan.bundle

    def cache_of(workflow: Workflow) -> AirflowCache | None:
        if not isinstance(bundle, DagBundle) or workflow.source is None:
            return None
        return AirflowCache(bundle.live_of(workflow.source).dag, workflow)

    return cache_of


class AirflowCache(WorkerKeys):
    """The cache of one DAG, whose workers share a store.

    Args:
        dag: the DAG.
        workflow: what it was lifted to.
    """

    options = WRAPPING | {"program"}

    def __init__(self, dag: Any, workflow: Workflow) -> None:
        super().__init__(workflow)
        self._dag = dag
        self._graph = workflow.graphs[0]

    def apply(self, verdicts: Mapping[tuple[str, str], Request], settings: CacheSettings) -> CacheChange:
        """Return what workers are asked; where wrappers are wanted, the first decision says who takes their place."""
        change = super().apply(verdicts, settings)
        if settings.wrapper is None:
            return change
        said = Decision(optimizer=NAME, workflow=self.workflow.label, reason=UNWRAPPED)
        return replace(change, decisions=[said, *change.decisions])

    def declared_pure(self, graph: Graph | None, step: Step, operation: Operation) -> str:
        """Return where a task is declared pure itself, and not only its DAG; empty where nothing says so."""
        where, declaration = self._owner.resolve(self._dag.task_dict[step.name], assume_pure=False)
        return where if declaration.cache and declaration.itself else ""

    @cached_property
    def _owner(self) -> Owner:
        vars(self._dag)[ROWS] = self.rows  # lowering asks as well
        return Owner(self._dag)

    @property
    def settings_objection(self) -> Objection | None:
        """Why workers with the settings of this process cache nothing; see `WorkerKeys`."""
        if not is_enabled():
            return SWITCHED_OFF
        if not load_settings("cache_store").cache_store:
            return NO_STORE
        here, there = TaskRows(self._dag, self.rows), TaskRows(self._dag)
        tasks = self._dag.task_dict.values() if self.rows else ()
        return NO_ROWS if any(contents(here.about(task)) != contents(there.about(task)) for task in tasks) else None

    def requests(self, *, assume_pure: bool, explains: bool) -> Mapping[tuple[str, str], Request]:
        """Return what to ask of each task; see `WorkerKeys.requests`."""
        requests: dict[str, Request] = {}
        against: dict[str, Objections] = {}  # what forbids a key of a task, for what comes after it
        for name in GraphView(self._graph).order():
            requests[name], against[name] = self._request(self._dag.task_dict[name], against, assume_pure, explains)
        for step in self._graph.steps:
            if explains and step.source is not None:
                placed = _at_task(requests[step.name].objections, self._dag.fileloc, step.source)
                requests[step.name] = replace(requests[step.name], objections=placed)
        return {(self._graph.name, step.name): requests[step.name] for step in self._graph.steps}

    def _request(
        self, task: Any, against: Mapping[str, Objections], assume_pure: bool, explains: bool
    ) -> tuple[Request, Objections]:
        where, declaration = self._owner.resolve(task, assume_pure=assume_pure)
        by_kind = self._owner.objections(task)
        keyed = is_keyed(task, by_kind)
        undeclared = (in_row(UNDECLARED, declaration),) if not where and (keyed or not by_kind) else ()
        is_asked = bool(where) and (keyed or not by_kind)
        if not explains or (not keyed and not all(item.remedy for item in by_kind)):
            objections = (*by_kind, *undeclared)
            return Request(declared=where, is_asked=is_asked, objections=objections), objections
        code, doubts, chances = self._analyse(task, declaration, against)
        objections = (*(() if keyed else by_kind), *undeclared, *code)
        request = Request(
            declared=where,
            is_asked=is_asked,
            note=_note(task, keyed=keyed) if is_asked else "",
            waived=tuple(sorted({*declaration.allow, *filter(None, (waiver_of(item.rule) for item in chances))})),
            objections=(*by_kind, *undeclared, *code),
            doubts=doubts,
        )
        return request, objections

    def _analyse(
        self, task: Any, declaration: Declaration, against: Mapping[str, Objections]
    ) -> tuple[Objections, Objections, Objections]:
        """Return what forbids a key, what only a run can tell of it, and the clocks and chance that are waived."""
        producers = by_order(self._dag, task, declaration)
        objections, doubts = [*_check_outputs(task, declaration), *too_many(producers)], []
        for name in producers:
            if not against[name]:
                reason = f"{name!r} runs before it, and has to return something that can be kept"
                doubts.append(Objection(PRODUCER, reason))
            else:
                remedy = f"{name!r} is declared as well" if all(item.remedy for item in against[name]) else ""
                objections.append(without_key(name, remedy))
        try:
            instance, known_later = parse_task(task)
        except Exception:  # noqa: BLE001  # a mapped operator is not made before its arguments are known
            return (
                join_remedies(objections, declaration),
                (*doubts, Objection("mapped", "its arguments are known when it runs")),
                (),
            )
        try:
            material = TaskMaterial(instance, declaration)
            analysis, chances = material.objections, material.chances
        except Exception as error:  # noqa: BLE001  # the task's own code and values are looked at
            analysis, chances = objections_of(error), ()
        return join_remedies((*analysis, *objections), declaration), (*known_later, *doubts), chances


def _note(task: Any, *, keyed: bool) -> str:
    if keyed:
        return ALWAYS
    return MUTABLE if is_pod(task) and "@sha256:" not in str(field_of(task, "image")) else ""


def _check_outputs(task: Any, declaration: Declaration) -> Objections:
    try:
        return tuple(check_outputs(task, declaration))
    except Exception as error:  # noqa: BLE001  # the DAG's own settings of Jinja are used
        return objections_of(error)


def _at_task(objections: Objections, file: str, source: Source) -> Objections:
    """Return objections with the task as their path, and the line where the code of the DAG file tells it."""

    def place_at(place: SourcePlace | None) -> SourcePlace:
        at_task = SourcePlace(int(source[0]), source[1:])
        if place is None:
            return at_task
        if Path(place.file) == Path(file):
            return replace(at_task, line=place.line)
        return replace(place, path=at_task.path)

    return tuple(replace(item, place=place_at(item.place)) for item in objections)
