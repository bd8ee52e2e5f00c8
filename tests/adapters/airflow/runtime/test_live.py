"""With a real scheduler: races, deferral, clearing, and the keys that `airflow dags test` and `dag.test()` have too."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from airflow_live import LiveAirflow

pytestmark = pytest.mark.airflow

FILE = """
    import datetime
    import time
    from airflow.sdk import DAG, BaseOperator, task
    from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
    from couler_airflow.marks import cached

    class Deferring(BaseOperator):
        def execute(self, context):
            # Of a trigger that fires at once, the scheduler may hear before it hears that the task has deferred itself.
            self.defer(trigger=TimeDeltaTrigger(datetime.timedelta(seconds=10)), method_name="done")

        def done(self, context, event=None):
            return 7

    with DAG("live", schedule=None, tags=["couler-cache"], max_active_runs=4) as dag:
        @task
        def work(x):
            time.sleep(5)
            return x * 2

        @task
        def after():
            return "after"

        work(5) >> after()
        cached(Deferring(task_id="waits"))

    with DAG("by_rows", schedule=None) as rows:
        work.override(task_id="named")(3)
        work.override(task_id="unnamed")(4)
"""
ROWS = """
[[cache.declare]]
workflow = "by_*"
task = "named"
pure = true
"""


@pytest.mark.slow
def test_a_whole_airflow(tmp_path: Path) -> None:
    (tmp_path / "couler.toml").write_text(ROWS)
    settings = {
        "AIRFLOW__COULER__CACHE_STORE": str(tmp_path / "store"),
        "AIRFLOW__COULER__CACHE_WAIT": "120",
        "AIRFLOW__COULER__DECLARATIONS": str(tmp_path / "couler.toml"),
    }
    with LiveAirflow(tmp_path / "home", settings, triggers=True) as airflow:
        airflow.publish("live.py", textwrap.dedent(FILE))
        airflow.until(lambda: airflow.query("SELECT 1 FROM serialized_dag WHERE dag_id = 'live'"), "the DAG")
        airflow.start("live", "one", "two")
        airflow.finished("one", "two")
        told = [airflow.xcom(run, "work", "couler_cache") for run in ("one", "two")]
        assert [airflow.xcom(run, "work", "return_value") for run in ("one", "two")] == [10, 10]
        assert sorted(item["hit"] for item in told) == [False, True], "one computes, and the other waits for it"
        assert airflow.xcom("one", "waits", "return_value") == 7

        airflow.start("live", "three")
        airflow.finished("three")
        for task in ("work", "after"):
            assert airflow.xcom("three", task, "couler_cache")["hit"], task
        assert not airflow.xcom("three", "waits", "couler_cache")["hit"], "it came back with another time"

        links = airflow.ask("/dags/live/dagRuns/three/taskInstances/work/links")["extra_links"]
        assert links == {"Couler cache": "/dags/live/runs/three/tasks/work/xcom"}
        log = next((airflow.home / "logs").rglob("run_id=three/task_id=work/*.log")).read_text()
        assert "HIT: this result was computed before" in log

        cleared = {"dry_run": False, "dag_run_id": "three", "task_ids": ["work"], "only_failed": False}
        airflow.ask("/dags/live/clearTaskInstances", cleared)
        airflow.until(
            lambda: airflow.query(
                "SELECT 1 FROM task_instance WHERE run_id = 'three' AND task_id = 'work' AND try_number = 2"
                " AND state = 'success'"
            ),
            "the second try",
        )
        again = airflow.xcom("three", "work", "couler_cache")
        assert not again["hit"]
        versions = airflow.query("SELECT COUNT(*) FROM dag_version WHERE dag_id = 'live'")
        assert versions == [(1,)], "the cache is no new version of the DAG"

        for run in ("four", "five"):
            airflow.start("by_rows", run)
            airflow.finished(run)
        told = [airflow.xcom(run, "named", "couler_cache") for run in ("four", "five")]
        assert [item["hit"] for item in told] == [False, True], "workers read the rows of the settings"
        assert airflow.xcom("five", "unnamed", "couler_cache") is None


SAME = """
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG, task
    from couler_airflow import optimize

    class Model:
        def fit(self, x):
            return x + 1

    def fit(x, model=Model()):
        return model.fit(x)

    with DAG("same", schedule=None) as dag:
        @task
        def work(x):
            return x * 2

        @task
        def total(xs):
            return sum(xs)

        total(work.override(task_id="mapped").expand(x=[1, 2]))
        work(5) >> PythonOperator(task_id="python", python_callable=fit, op_args=[3])
    optimize(dag)

    if __name__ == "__main__":
        dag.test()
"""


@pytest.mark.long
def test_what_a_scheduler_has_kept_is_found_by_both_ways_to_test(tmp_path: Path) -> None:
    settings = {"AIRFLOW__COULER__CACHE_STORE": str(tmp_path / "store")}
    tasks = ("mapped", "total", "work", "python")
    with LiveAirflow(tmp_path / "home", settings) as airflow:
        file = airflow.dags / "same.py"
        airflow.publish(file.name, textwrap.dedent(SAME))
        airflow.until(lambda: airflow.query("SELECT 1 FROM serialized_dag WHERE dag_id = 'same'"), "the DAG")
        airflow.start("same", "scheduled")
        airflow.finished("scheduled")
    assert not any(airflow.xcom("scheduled", task, "couler_cache")["hit"] for task in tasks)
    seen = {"scheduled"}
    for command in (["-m", "airflow", "dags", "test", "same"], [file.name]):
        program = [sys.executable, *command]
        subprocess.run(program, env=airflow.environment, cwd=airflow.dags, check=True, capture_output=True)
        (run,) = {run for (run,) in airflow.query("SELECT run_id FROM dag_run")} - seen
        seen.add(run)
        for task in tasks:
            there = airflow.xcom(run, task, "couler_cache")
            assert there["hit"], (command, task, there)
            if task != "mapped":  # of which there are two
                assert there["key"] == airflow.xcom("scheduled", task, "couler_cache")["key"]
