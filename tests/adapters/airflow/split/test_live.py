"""A DAG in parts under a real scheduler: its parts run, one fails, it is cleared, and what depends on it runs."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from airflow_live import LiveAirflow

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

FILE = """
    import os
    import pathlib
    import tempfile
    import pendulum
    from airflow.sdk import DAG, CronDataIntervalTimetable, Param, task
    from airflow.sdk.exceptions import AirflowSkipException
    from airflow.providers.standard.operators.bash import BashOperator
    from couler_airflow import optimize
    from couler_airflow.marks import cached

    HOME = pathlib.Path(__file__).parent.parent

    def note(name):
        descriptor, _ = tempfile.mkstemp(prefix=name + "-", dir=HOME / "tries")  # a name that is no effect
        os.close(descriptor)

    with DAG(
        "whole",
        schedule=CronDataIntervalTimetable("0 0 29 2 *", "UTC"),  # so that only what is triggered runs
        start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
        params={"k": Param(3, type="integer")},
        render_template_as_native_obj=True,
    ) as dag:
        @task
        @cached(allow=("files",))
        def count(x, params=None):
            note("count")
            return x + params["k"]

        @task
        def fragile(x):
            note("fragile")
            if not (HOME / "mended").exists():
                raise ValueError("not mended yet")
            return x * 10

        @task(trigger_rule="all_done")
        def always():
            return "always"

        @task
        def skipped():
            raise AirflowSkipException("as it is today")

        @task(trigger_rule="none_failed")
        def last(x, ds=None):
            return [x, ds]

        one = count(1)
        two = fragile(one)
        two >> always()
        end = last(two)
        skipped() >> end
        end >> BashOperator(
            task_id="says",
            bash_command=f"echo {one} {{{{ ds }}}} {{{{ data_interval_start | ds }}}} {{{{ data_interval_end | ds }}}}",
        )

    optimize(dag, "cache,split{max-steps=2}")
"""
FIRST = {
    "count": "success",
    "fragile": "failed",
    "always": "success",
    "skipped": "skipped",
    "last": "upstream_failed",
    "says": "upstream_failed",
}
MENDED = FIRST | {"fragile": "success", "last": "success", "says": "success"}


class Split:
    """The DAG `whole`, and its parts.

    Args:
        airflow: where it runs.
    """

    def __init__(self, airflow: LiveAirflow) -> None:
        self._airflow = airflow

    def owner(self, task: str) -> str:
        """The part that a task is in."""
        for part, data in self._airflow.query("SELECT dag_id, data FROM serialized_dag WHERE dag_id != 'whole'"):
            for one in json.loads(data)["dag"]["tasks"]:
                if one["__var"]["task_id"] == task and one["__var"]["task_type"] != "PartProxy":
                    return str(part)
        raise AssertionError(task)

    def states(self, run: str) -> dict[str, str]:
        """The states of the tasks that the DAG had before it was split, where they really are."""
        rows = self._airflow.query(
            "SELECT dag_id, task_id, state FROM task_instance WHERE run_id = ?", f"couler__{run}"
        )
        return {task: state for part, task, state in rows if task in FIRST and self.owner(task) == part}

    def ended(self, run: str, state: str, dag_id: str = "whole") -> None:
        """Waits until a run has ended, which is to be in this state."""

        def found() -> str:
            rows = self._airflow.query("SELECT state FROM dag_run WHERE dag_id = ? AND run_id = ?", dag_id, run)
            return rows[0][0] if rows and rows[0][0] in ("failed", "success") else ""

        assert self._airflow.until(found, f"the end of {dag_id}") == state

    def clear(self, dag_id: str, run: str, *tasks: str, **more: Any) -> None:
        """Clears tasks as the UI does."""
        body = {"dry_run": False, "dag_run_id": run, "only_failed": False, "reset_dag_runs": True, **more}
        self._airflow.ask(f"/dags/{dag_id}/clearTaskInstances", body | ({"task_ids": list(tasks)} if tasks else {}))

    def tries(self) -> list[str]:
        """What has run so far, in order."""
        files = sorted((self._airflow.home / "tries").iterdir(), key=lambda file: file.stat().st_mtime_ns)
        return [file.name.partition("-")[0] for file in files]


def test_a_dag_in_parts(tmp_path: Path) -> None:
    settings = {
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "AIRFLOW__COULER__CACHE_STORE": str(tmp_path / "store"),
    }
    with LiveAirflow(tmp_path / "home", settings, triggers=True) as airflow:
        split = Split(airflow)
        (airflow.home / "tries").mkdir()
        airflow.publish("whole.py", textwrap.dedent(FILE))
        airflow.until(lambda: len(airflow.query("SELECT 1 FROM serialized_dag")) == 5, "the parts")
        assert not airflow.query("SELECT 1 FROM import_error")
        assert airflow.query("SELECT dag_id FROM dag WHERE is_paused") == [("whole",)], "parts are never paused"
        airflow.start("whole", "one", logical_date="2026-02-03T07:00:00Z", conf={"k": 5})
        airflow.ask("/dags/whole", {"is_paused": False}, "PATCH")
        split.ended("one", "failed")
        assert split.states("one") == FIRST
        assert split.tries() == ["count", "fragile"]

        # What failed is mended and cleared in its part; then the DAG goes on, and runs nothing twice that was right.
        (airflow.home / "mended").touch()
        split.clear(split.owner("fragile"), "couler__one", "fragile", include_downstream=True)
        split.ended("couler__one", "success", split.owner("fragile"))
        split.clear("whole", "one", only_failed=True)
        split.ended("one", "success")
        assert split.states("one") == MENDED
        assert split.tries() == ["count", "fragile", "fragile"]
        assert airflow.xcom("couler__one", "last", "return_value") == [60, "2026-02-03"]
        rows = set(
            airflow.query("SELECT logical_date, data_interval_start, data_interval_end, run_after, conf FROM dag_run")
        )
        assert len(rows) == 1, "the parts have the dates and the configuration of the whole"
        whole = airflow.xcom("couler__one", "says", "return_value")
        assert whole == "6 2026-02-03 2020-02-29 2024-02-29"

        # A part that is cleared in the DAG runs again as a whole, cached or not, and so does what comes after it.
        split.clear("whole", "one", split.owner("count").removeprefix("whole__"), include_downstream=True)
        airflow.until(lambda: split.tries()[3:] == ["count", "fragile"], "the second round")
        split.ended("one", "success")
        assert split.states("one") == MENDED

        # Another run finds in its parts what was kept.
        airflow.start("whole", "two", logical_date="2026-02-04T07:00:00Z", conf={"k": 5})
        split.ended("two", "success")
        assert split.states("two") == MENDED
        assert split.tries()[5:] == []
        assert airflow.xcom("couler__two", "count", "couler_cache")["hit"]
