"""Splits DAGs, and runs the parts here one after the other, as what triggers them would."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from adapters.airflow.running import Outcome, run
from couler_airflow.split.commit import parts_of
from couler_airflow.split.operators import RUN_PREFIX, RunWatcher
from couler_airflow.split.roles import ADDED
from couler_plugins.driver.context import RunContext
from couler_plugins.errors import CoulerError
from couler_plugins.parallelism.optimizer import Split
from couler_plugins.plan import Plan
from couler_plugins.plugins import Plugins, load_plugins

__all__ = ["alone", "plugins", "run_parts", "smallest_split", "split"]

RUN = "whole"


@cache
def plugins() -> Plugins:
    """Those that are installed."""
    return load_plugins()


def alone(plan: Plan, number: int) -> Plan:
    """The plan with one of its workflows."""
    return dataclasses.replace(plan, workflows=(plan.workflows[number],))


def split(plan: Plan, **options: Any) -> Plan:
    """The plan with its DAGs split."""
    return Split(**options).run(plan, RunContext(plugins(), lambda message: None))


def smallest_split(plan: Plan) -> tuple[Plan | None, str]:
    """A plan of one DAG, split into the smallest parts that it can be; else None, and why not."""
    reason = "it has one task"
    for steps in range(1, len(plan.workflows[0].graphs[0].steps)):
        try:
            return split(plan, max_steps=steps), ""
        except CoulerError as error:
            reason = error.message
    return None, reason


def run_parts(dag: Any) -> Outcome:
    """Runs the parts of a DAG that was split, in order, and then what gives the whole its state.

    Returns:
        What became of the tasks that it had before.
    """
    states: dict[tuple[str, int], str] = {}
    xcoms: dict[tuple[str, int, str], str] = {}
    with pytest.MonkeyPatch.context() as patch:
        _call_runs(patch, RUN_PREFIX + RUN)
        for part in parts_of(dag):
            own = {name for name, task in part.task_dict.items() if type(task).__name__ not in ADDED}
            outcome = run(part)
            states.update({key: state for key, state in outcome.states.items() if key[0] in own})
            xcoms.update({key: value for key, value in outcome.xcoms.items() if key[0] in own})
        _call_runs(patch, RUN)
        state = run(_watching(dag)).state
    return Outcome(state, dict(sorted(states.items())), dict(sorted(xcoms.items())))


def _call_runs(patch: pytest.MonkeyPatch, name: str) -> None:
    """`dag.test()` takes no id for its run, and all parts of a run have one."""
    from airflow.models.dagrun import DagRun

    patch.setattr(DagRun, "generate_run_id", staticmethod(lambda **_: name))


def _watching(dag: Any) -> Any:
    """A DAG of nothing but the watcher: what triggers parts runs under a scheduler only (see `test_live.py`)."""
    from airflow.sdk import DAG

    watcher = next(task for task in dag.task_dict.values() if isinstance(task, RunWatcher))
    with DAG(f"{dag.dag_id}__watched", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as only:
        RunWatcher(task_id=watcher.task_id, **watcher.couler_fields)
    return only
