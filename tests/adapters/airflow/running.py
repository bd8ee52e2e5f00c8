"""Runs a DAG here, with `dag.test()`, and says what came of it: the states and the results of its tasks."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import pytest

from airflow_minors import empty_bag, sync

__all__ = ["Outcome", "database", "run"]

BUNDLE = "couler-test"
WHEN = datetime(2026, 2, 3, tzinfo=UTC)
"""The logical date of every run, so that what is made of it is the same each time."""


class Outcome(NamedTuple):
    """What became of a run.

    Attributes:
        state: of the run.
        states: of its task instances, by task and map index.
        xcoms: what they left, by task, map index and key.
    """

    state: str
    states: dict[tuple[str, int], str]
    xcoms: dict[tuple[str, int, str], str]


@cache
def database() -> None:
    """Makes Airflow's database in the home of this test run."""
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", "[]")
        initdb()
    with create_session() as session:
        session.merge(DagBundleModel(name=BUNDLE))


def run(dag: Any, *, seconds: int = 60) -> Outcome:
    """Runs a DAG once, from the start, in this process.

    Args:
        dag: the DAG.
        seconds: how long it may take.

    Raises:
        TimeoutError: it took longer.
    """
    database()
    _forget(dag.dag_id)
    bag = empty_bag()
    bag.bag_dag(dag)
    sync(bag, BUNDLE)
    random.seed(7)
    with _limit(seconds):
        done = dag.test(logical_date=WHEN)
    return _outcome(dag.dag_id, done.run_id)


def _forget(dag_id: str) -> None:
    """Removes what the database has of earlier runs: some of their DAGs were other versions of this one."""
    from airflow.api.common.delete_dag import delete_dag
    from airflow.exceptions import DagNotFound

    with suppress(DagNotFound):
        delete_dag(dag_id)


def _outcome(dag_id: str, run_id: str) -> Outcome:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    def of(model: Any) -> Any:
        return select(model).where(model.dag_id == dag_id, model.run_id == run_id)

    with create_session() as session:
        states = {(item.task_id, item.map_index): str(item.state) for item in session.scalars(of(TaskInstance))}
        found = {(item.task_id, item.map_index, item.key): repr(item.value) for item in session.scalars(of(XComModel))}
        state = str(session.scalars(of(DagRun)).one().state)
    return Outcome(state, dict(sorted(states.items())), dict(sorted(found.items())))


@contextmanager
def _limit(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TimeoutError(f"it took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)  # again and again: a task may take the first one for its own
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
