"""Past runs from Airflow's own database, for those who have it: on the scheduler's host, with its configuration.

Everything is read in one session that writes nothing. Airflow's models differ little between its minors; what is read
here is in all of them from 3.0 on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from couler_airflow.airflow_compat import entries_of, tries, xcoms
from couler_airflow.history.api import ENDED, pods_of, said_of
from couler_airflow.history.logs import with_reasons
from couler_airflow.history.records import SCHEMA, TOLD, Cached, Document, Instance, Pod, Task
from couler_airflow.history.records import DagRun as Run
from couler_airflow.runtime.upstream import XCOM
from couler_airflow.runtime.xcoms import OF_PODS
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.past_runs import Wanted

HINT = "call it where the scheduler runs, with its environment, or ask the API: --from https://…"


def fetch(wanted: Wanted) -> list[Document]:
    """The newest runs of DAGs that have ended, by DAG.

    Raises:
        InvalidInput: there is no such DAG.
        EngineError: Airflow is not installed here, or its database cannot be read.
    """
    try:
        from airflow.utils.session import create_session
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise EngineError(f"Airflow cannot be imported: {error}", engine="airflow", hint=HINT) from error
    try:
        with create_session() as session:
            return list(_fetched(session, wanted))
    except (SQLAlchemyError, OSError, ImportError, AttributeError, KeyError, TypeError) as error:
        # Its text may hold the address of the database, and that a password. Models are no interface of Airflow's: one
        # that we do not know may lack anything.
        message = f"Airflow's database cannot be read: {type(error).__name__}"
        raise EngineError(message, engine="airflow", hint=HINT) from None


def _fetched(session: Any, wanted: Wanted) -> Iterator[Document]:
    from airflow.models import DagModel, DagRun, TaskInstance
    from sqlalchemy import select

    for dag in dict.fromkeys(wanted.workflows or sorted(session.scalars(select(DagModel.dag_id)))):
        runs: list[Run] = []
        instances: list[Instance] = []
        earlier: list[Instance] = []
        rows: dict[tuple[Any, int], Any] = {}
        cached: list[Cached] = []
        pods: list[Pod] = []
        chosen = select(DagRun).where(DagRun.dag_id == dag, DagRun.state.in_(ENDED))
        if since := wanted.since_of(dag):
            chosen = chosen.where(DagRun.end_date >= datetime.fromtimestamp(since, UTC))
        newest = chosen.order_by(DagRun.run_after.desc(), DagRun.id.desc()).limit(wanted.count(dag))
        for row in session.scalars(newest):
            run = {"dag_id": dag, "dag_run_id": row.run_id, "state": _word(row.state), "end_date": row.end_date}
            runs.append(TOLD.believed(run, Run))
            query = select(TaskInstance).where(TaskInstance.dag_id == dag, TaskInstance.run_id == row.run_id)
            last = {item.place: item for item in _told(session.scalars(query), rows)}
            instances += last.values()
            earlier += [
                item
                for item in _told(tries(session, dag, row.run_id), rows)
                if item.place in last and item.try_number < last[item.place].try_number
            ]
            cached += [said_of(one, value) for one, value in _xcoms(session, dag, row.run_id, XCOM)]
            pods += pods_of(*(_xcoms(session, dag, row.run_id, key) for key in OF_PODS))
        tried = with_reasons([*instances, *earlier], partial(_entries, rows))
        yield Document(
            schema=SCHEMA,
            dag_runs=tuple(runs),
            task_instances=tuple(tried[: len(instances)]),
            tries=tuple(tried[len(instances) :]),
            cached=tuple(cached),
            pods=tuple(pods),
            tasks=tuple(_tasks(session, dag, is_named=dag in wanted.workflows)),
        )


def _tasks(session: Any, dag: str, *, is_named: bool) -> Iterator[Task]:
    from airflow.models.serialized_dag import SerializedDagModel

    row = SerializedDagModel.get(dag, session=session)
    if row is None and not is_named:
        return  # one that was deleted may have runs
    if row is None:
        raise InvalidInput(f"Airflow knows no DAG {dag!r}", engine="airflow", hint="see `airflow dags list`")
    data: Any = row.data
    for task in data["dag"]["tasks"]:
        fields = task["__var"]
        yield TOLD.believed({"downstream_task_ids": (), **fields, "dag_id": dag}, Task)


def _entries(rows: Mapping[tuple[Any, int], Any], item: Instance) -> list[Any]:
    return entries_of(rows[item.place, item.try_number], item.try_number)


def _told(rows: Iterable[Any], by_try: dict[tuple[Any, int], Any]) -> Iterator[Instance]:
    for row in rows:
        item = _instance(row)
        by_try[item.place, item.try_number] = row
        yield item


def _instance(row: Any) -> Instance:
    names = ("task_id", "map_index", "try_number", "start_date", "end_date", "duration", "operator", "hostname")
    values = {name: getattr(row, name) for name in names}
    values["state_reason"] = getattr(row, "retry_reason", None)  # from 3.3 on
    return TOLD.believed(
        {**values, "dag_id": row.dag_id, "dag_run_id": row.run_id, "state": _word(row.state)}, Instance
    )


def _xcoms(session: Any, dag: str, run: str, key: str) -> Iterator[tuple[Cached, Any]]:
    for row in xcoms(session, run_id=run, key=key, dag_ids=dag):
        place = {"dag_id": dag, "dag_run_id": run, "task_id": row.task_id, "map_index": row.map_index}
        yield TOLD.believed(place, Cached), row.value


def _word(state: Any) -> str | None:
    """A state as a plain text: it may be a member of Airflow's enumeration."""
    return None if state is None else str(getattr(state, "value", state))
