"""Past runs of DAGs, from a document of Airflow's history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from couler_airflow.history.attempts import Pods
from couler_airflow.history.records import Cached, Document, Instance
from couler_plugins.caching.keys import digest
from couler_plugins.documents.mappings import by_key
from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Fate, Lookup, Run, StepRun

FATES: dict[str, Fate] = {
    "success": "computed",
    "failed": "failed",
    "skipped": "skipped",
    "upstream_failed": "skipped",
}
"""What became of a task instance that has ended, by Airflow's word for it."""
TEARDOWN = "all_done_setup_success"
"""The trigger rule that `as_teardown` sets: such a task fails no run, unless `on_failure_fail_dagrun` says so."""
REMOVED = "removed"
"""The state of a task instance whose task, or whose item, is not there any more: it was no part of the run."""
IDLE = ("EmptyOperator", "HITLOperator", "ApprovalOperator", "HITLBranchOperator", "HITLEntryOperator")
WAITS = ("Sensor", "SensorOperator")
"""How the classes of operators end that wait for something."""
MANY = 100
"""A task of more instances before one of more gets a step between them, lest each be a parent of each."""


def runs_of(document: Document) -> list[Run]:
    """The runs that a document tells of, by DAG and time.

    The parents of a step are the instances of the tasks right before its own, where the document has the tasks; no size
    is known. A step that was found in our cache was loaded: what it took says nothing of computing it. One that waits
    (a sensor, a person) took no time of its own, as nothing of it could be kept.

    Raises:
        InvalidInput: its tasks come after themselves.
    """
    tries = by_key((item.place, item) for item in document.tries)
    cached = {item.place: item for item in document.cached}
    places = {item.place: item for item in document.task_instances}
    instances = by_key(((item.dag_id, item.dag_run_id), item) for item in places.values() if item.state != REMOVED)
    runs_by_name = {(run.dag_id, run.dag_run_id): run for run in document.dag_runs}
    orders, pods = _orders(document), Pods(document)
    runs = []
    for (dag, name), some in instances.items():
        run = runs_by_name.get((dag, name))
        steps = _Steps(some, orders.get(dag, _Order({}, {})), tries, cached, pods).all()
        ended = [item.end_date for item in (run, *some) if item is not None and item.end_date is not None]
        whole = all(FATES.get(item.state or "") != "failed" for item in some) if run is None else run.state != "failed"
        at = run.end_date if run is not None and run.end_date is not None else max(ended, default=None)
        uid = f"{dag}/{name}"
        runs.append(Run(family=dag, name=name, engine="airflow", uid=uid, steps=steps, whole=whole, at=_seconds(at)))
    return sorted(runs, key=lambda run: (run.family, run.at))


class _Order(NamedTuple):
    """The tasks of a DAG: the place of each in a topological order, those right before it, and which tear down."""

    ranks: Mapping[str, int]
    before: Mapping[str, Sequence[str]]
    teardowns: frozenset[str] = frozenset()


def _orders(document: Document) -> dict[str, _Order]:
    before: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for task in document.tasks:
        before[task.dag_id].setdefault(task.task_id, [])
        for name in sorted(set(task.downstream_task_ids or ())):
            before[task.dag_id].setdefault(name, []).append(task.task_id)
    teardowns = by_key((task.dag_id, task.task_id) for task in document.tasks if task.trigger_rule == TEARDOWN)
    orders = {}
    for dag, tasks in before.items():
        sorted_tasks = {name: sorted(tasks[name]) for name in sorted(tasks)}
        try:
            ranks = {name: rank for rank, name in enumerate(TopologicalSorter(sorted_tasks).static_order())}
        except CycleError:
            raise InvalidInput(f"the tasks of {dag} wait for each other in a circle", engine="airflow") from None
        orders[dag] = _Order(ranks, sorted_tasks, frozenset(teardowns.get(dag, ())))
    return orders


class _Steps:
    """The steps of one run."""

    def __init__(
        self,
        instances: Sequence[Instance],
        order: _Order,
        tries: Mapping[tuple[str, str, str, int], Sequence[Instance]],
        cached: Mapping[tuple[str, str, str, int], Cached],
        pods: Pods,
    ) -> None:
        self._order = order
        self._tries = tries
        self._cached = cached
        self._pods = pods
        self._by_task = by_key((item.task_id, item) for item in instances)
        self._positions: dict[str, list[int]] = defaultdict(list)
        self._before = {name: self._found_before(name) for name in self._by_task}
        self._deciding = self._found_deciding()
        self._parents: dict[str, tuple[int, ...]] = {}
        self._joined: dict[str, int] = {}
        self._steps: list[StepRun] = []

    def all(self) -> tuple[StepRun, ...]:
        """The steps in a topological order, by their ends where that leaves a choice."""
        for item in self._sorted():
            if item.task_id not in self._parents:  # all instances of a task have the same
                self._parents[item.task_id] = self._found_parents(item.task_id)
            self._positions[item.task_id].append(len(self._steps))
            self._steps.append(self._ran(item, self._parents[item.task_id]))
        return tuple(self._steps)

    def _sorted(self) -> list[Instance]:
        """By their ends; what comes after something has not ended before it, whatever clocks say."""
        ranks = self._order.ranks
        latest: dict[str, float] = {}
        keys: list[tuple[float, int, str, int, Instance]] = []
        for name in sorted(self._by_task, key=lambda name: (ranks.get(name, -1), name)):
            floor = max((latest[task] for task in self._before[name]), default=0.0)
            for item in self._by_task[name]:
                end = max(floor, _seconds(item.end_date) if item.end_date else float("inf"))
                latest[name] = max(latest.get(name, 0.0), end)
                keys.append((end, ranks.get(name, -1), name, item.map_index, item))
        return [item for *_, item in sorted(keys, key=lambda key: key[:-1])]

    def _found_before(self, task: str) -> list[str]:
        """The tasks right before one, through those that have no instance in this run."""
        names: dict[str, None] = {}
        seen: set[str] = set()
        waiting = list(self._order.before.get(task, ()))
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in self._by_task:
                names[name] = None
            else:
                waiting += self._order.before.get(name, ())
        return sorted(names)

    def _found_deciding(self) -> set[str]:
        """The tasks whose failures fail the run: the last ones, and those for which such a one could not run.

        Source: `DagRun.update_state`, which asks the leaves; what tears down is none.
        """
        names = self._by_task.keys() - self._order.teardowns
        after = by_key((task, name) for name in names for task in self._before[name])
        deciding: set[str] = set()
        for name in sorted(names, key=lambda name: self._order.ranks.get(name, -1), reverse=True):
            stuck = deciding.intersection(after.get(name, ()))
            if name not in after or any(
                item.state == "upstream_failed" for one in stuck for item in self._by_task[one]
            ):
                deciding.add(name)
        return deciding

    def _found_parents(self, name: str) -> tuple[int, ...]:
        wide = len(self._by_task[name]) > MANY
        parents: list[int] = []
        for task in self._before[name]:
            parents += [self._join(task)] if wide and len(self._by_task[task]) > MANY else self._positions[task]
        return tuple(sorted(parents))

    def _join(self, task: str) -> int:
        """The step between all instances of a task and those of the tasks after it."""
        if task not in self._joined:
            parents = tuple(self._positions[task])
            self._joined[task] = len(self._steps)
            spec = digest(["airflow-all", task])
            name = f"{self._by_task[task][0].dag_id}/{task}[all]"
            self._steps.append(
                StepRun(
                    step=name,
                    type="",
                    spec=spec,
                    key=digest([spec, *self._keys(parents)]),
                    parents=parents,
                    seconds=0.0,
                    bytes=0,
                    artifact=False,
                )
            )
        return self._joined[task]

    def _ran(self, item: Instance, parents: tuple[int, ...]) -> StepRun:
        site = f"{item.dag_id}/{item.task_id}"
        name = f"{site}({item.map_index})" if item.map_index >= 0 else site
        said = self._cached.get(item.place)
        fate: Fate = FATES.get(item.state or "", "pending")
        if fate == "computed" and said is not None and said.hit:
            fate = "loaded"
        idle = fate == "skipped" or (fate == "computed" and _waits(item.operator or ""))
        earlier = {one.try_number: one for one in self._tries.get(item.place, ()) if one.try_number < item.try_number}
        tries = [earlier[number] for number in sorted(earlier)]
        spec = digest(["airflow", item.operator, item.task_id, item.map_index])
        return StepRun(
            step=name,
            site=site,
            type=f"task/{item.task_id}",
            spec=spec,
            key=(said.key if said is not None else "") or digest([spec, *self._keys(parents)]),
            parents=parents,
            seconds=0.0 if idle else _took(item) if fate == "computed" else None,
            bytes=0 if idle else None,
            artifact=not idle,
            attempts=_attempts(item, tries),
            tries=self._pods.attempts([*tries, item]) if fate in ("computed", "failed") else (),
            fate=fate,
            tolerated=fate == "failed" and item.task_id not in self._deciding,
            lookup=None if said is None else _lookup(item, said),
        )

    def _keys(self, positions: Iterable[int]) -> list[str]:
        return [self._steps[position].key for position in positions]


def _attempts(item: Instance, earlier: Sequence[Instance]) -> int:
    """How often it was tried: the tries before the last one that failed, and that one.

    A try that had succeeded before somebody cleared it is no failure. Where nothing is known of earlier tries, all of
    them count.
    """
    if not earlier:
        return max(1, item.try_number)
    return 1 + sum(one.state not in ("success", "skipped") for one in earlier)


def _lookup(item: Instance, said: Cached) -> Lookup | None:
    """What our cache answered; documents of before had no word for a task that it was not asked for."""
    if said.hit is None or not (said.hit or said.key):
        return None
    began = _seconds(item.start_date) if item.start_date is not None else None
    return Lookup(hit=said.hit, key=said.key, began=began, seconds=_took(item), worth=said.saved_seconds)


def _waits(operator: str) -> bool:
    return operator in IDLE or operator.endswith(WAITS)


def _took(item: Instance) -> float | None:
    """Seconds of the last try; None where that is not known."""
    if item.duration is not None:
        return item.duration if item.duration >= 0 else None
    if item.start_date is None or item.end_date is None or item.start_date > item.end_date:
        return None
    return _seconds(item.end_date) - _seconds(item.start_date)


def _seconds(time: datetime | None) -> float:
    return 0.0 if time is None else time.timestamp()
