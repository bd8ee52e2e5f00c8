"""A DAG in parts under a real scheduler: its parts run, one fails, it is cleared, and what depends on it runs."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from airflow_live import LiveAirflow

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

FILE = """
    import pathlib
    import pendulum
    from airflow.sdk import DAG, Param, task
    from airflow.providers.standard.operators.bash import BashOperator
    from couler_airflow import optimize
    from couler_airflow.marks import cached

    TRIES = pathlib.Path(__file__).parent.parent / "tries"

    with DAG(
        "whole",
        schedule=None,
        start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
        params={"k": Param(3, type="integer")},
    ) as dag:
        @task
        def count(x, params=None, **context):
            with TRIES.open("a") as log:
                log.write("count\\n")
            return x + params["k"]

        @task
        def fragile(x):
            with TRIES.open("a") as log:
                log.write("fragile\\n")
            if not (TRIES.parent / "mended").exists():
                raise ValueError("not mended yet")
            return x * 10

        @task(trigger_rule="all_done")
        def always():
            return "always"

        @task.short_circuit
        def never():
            return False

        @task
        def skipped():
            return 1

        @task(trigger_rule="none_failed")
        def last(x, ds=None):
            return [x, ds]

        one = count(1)
        two = fragile(one)
        gate = skipped()
        never() >> gate
        end = last(two)
        gate >> end
        two >> always()
        says = BashOperator(task_id="says", bash_command=f"echo {one} {{{{ ds }}}} {{{{ data_interval_end }}}}")
        end >> says

    optimize(dag, "split{max-steps=3}")
"""


def tries(airflow: LiveAirflow) -> list[str]:
    path = airflow.home / "tries"
    return path.read_text().split() if path.exists() else []


def states(airflow: LiveAirflow, run: str) -> dict[str, str]:
    """The states of the tasks of all parts, and of what triggers them."""
    rows = airflow.query("SELECT dag_id, task_id, state FROM task_instance WHERE run_id IN (?, ?)", run, f"couler__{run}")
    return {f"{dag_id}.{task_id}": state for dag_id, task_id, state in rows}


def of_run(airflow: LiveAirflow, run: str) -> str:
    return str(airflow.query("SELECT state FROM dag_run WHERE dag_id = 'whole' AND run_id = ?", run)[0][0])


def clear(airflow: LiveAirflow, dag_id: str, run: str, *tasks: str, **more: Any) -> None:
    body = {"dry_run": False, "dag_run_id": run, "task_ids": list(tasks), "only_failed": False, **more}
    airflow.ask(f"/dags/{dag_id}/clearTaskInstances", body)


def test_a_dag_in_parts(tmp_path: Path) -> None:
    with LiveAirflow(tmp_path / "home", {}) as airflow:
        (airflow.dags / "whole.py").write_text(textwrap.dedent(FILE))
        airflow.until(lambda: len(airflow.query("SELECT 1 FROM serialized_dag")) >= 4, "the parts")
        assert airflow.command("dags", "list-import-errors").count("whole") == 0
        parts = airflow.query("SELECT dag_id, is_paused FROM dag WHERE dag_id != 'whole' ORDER BY dag_id")
        print(parts)
        airflow.command("dags", "trigger", "whole", "--run-id", "one", "--logical-date", "2026-02-03", "--conf", '{"k": 5}')
        airflow.until(lambda: of_run(airflow, "one") == "failed", "the failure")
        found = states(airflow, "one")
        print(found)
        print(tries(airflow))
        (airflow.home / "mended").touch()
        name = next(key for key in found if key.endswith(".fragile") and found[key] == "failed").split(".")[0]
        clear(airflow, name, "couler__one", "fragile", include_downstream=True)
        clear(airflow, "whole", "one", only_failed=True)
        import time; time.sleep(1)
        airflow.until(lambda: of_run(airflow, "one") in ("failed", "success"), "the end")
        print(states(airflow, "one"), of_run(airflow, "one"))
        print(tries(airflow))
        print(airflow.query("SELECT dag_id, run_id, logical_date, data_interval_start, data_interval_end, run_after, conf FROM dag_run"))
        print(airflow.query("SELECT dag_id, task_id, key, value FROM xcom"))
        assert 0
