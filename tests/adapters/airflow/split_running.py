"""Splits DAGs, and runs the parts here one after the other, as what triggers them would."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from adapters.airflow.running import Outcome, run
from couler_airflow.lower import Commit, commit
from couler_airflow.split_operators import RUN_PREFIX, RunWatcher
from couler_airflow.split_roles import ADDED
from couler_plugins.context import RunContext
from couler_plugins.errors import CoulerError
from couler_plugins.parallelism.optimizer import Split
from couler_plugins.plan import Plan
from couler_plugins.plugins import Plugins, load_plugins

__all__ = ["run_parts", "smallest_split", "split"]

RUN = "whole"


def split(plan: Plan, plugins: Plugins, **options: Any) -> Plan:
    """The plan with its DAGs split."""
    return Split(**options).run(plan, RunContext(plugins, print))


def smallest_split(plan: Plan, plugins: Plugins) -> tuple[Plan | None, str]:
    """A plan of one DAG, split into the smallest parts that it can be; else None, and why not."""
    reason = "it has one task"
    for steps in range(1, len(plan.workflows[0].graphs[0].steps)):
        try:
            return split(plan, plugins, max_steps=steps), ""
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
        for part in dag.couler_parts:
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
    from airflow.sdk import DAG

    watcher = next(task for task in dag.task_dict.values() if isinstance(task, RunWatcher))
    with DAG(f"{dag.dag_id}__watched", schedule=None, start_date=datetime(2026, 1, 1)) as alone:
        RunWatcher(task_id=watcher.task_id, **watcher.couler_fields)
    return alone
