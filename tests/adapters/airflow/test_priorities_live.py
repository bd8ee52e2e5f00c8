"""With a real scheduler and a pool of two slots: the order in which tasks start, before `prioritize` and after it."""

from __future__ import annotations

import textwrap
from functools import partial
from pathlib import Path

import pytest

from airflow_live import LiveAirflow
from couler_plugins.runs import Run, StepRun
from couler_plugins.runs.history_file import line_of

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

SECONDS = {"many": 10.0, "some": 10.0, "one": 10.0, "two": 10.0, "three": 10.0, "long": 600.0, "longest": 700.0}
"""What past runs say. Here, all tasks take a second."""
ORDER = ["longest", "long", "many some", "one two three"]
"""The order that follows from that; equals in one text."""
FILE = """
    import time
    from airflow.sdk import DAG, task
    from couler_airflow import optimize

    with DAG("{dag}", schedule=None, default_args={{"pool": "narrow"}}) as dag:
        def step(name):
            @task(task_id=name)
            def work():
                time.sleep(1)
            return work()

        many, some = step("many"), step("some")
        many >> [step("one"), step("two")]
        some >> step("three")
        step("long"), step("longest")
    optimize(dag, "{pipeline}", history="past.jsonl")
"""


def test_two_slots_go_to_the_longest_paths_first(tmp_path: Path) -> None:
    steps = [
        StepRun(step=f"after/{name}", type=f"task/{name}", spec=name, key=name, seconds=seconds)
        for name, seconds in SECONDS.items()
    ]
    with LiveAirflow(tmp_path / "home", {"AIRFLOW__CORE__PARALLELISM": "8"}) as airflow:
        airflow.command("pools", "set", "narrow", "2", "two at a time")
        past = line_of(Run(family="after", engine="airflow", steps=tuple(steps)))
        airflow.publish("past.jsonl", past.decode())
        for dag, pipeline in (("before", "dedupe"), ("after", "prioritize{slots=2}")):
            text = textwrap.dedent(FILE).format(dag=dag, pipeline=pipeline)
            airflow.publish(f"{dag}.py", text)
            airflow.until(partial(airflow.query, "SELECT 1 FROM serialized_dag WHERE dag_id = ?", dag), dag)
            airflow.start(dag, dag)
            airflow.finished(dag)
        queued = {
            dag: dict(airflow.query("SELECT task_id, queued_dttm FROM task_instance WHERE run_id = ?", dag))
            for dag in ("before", "after")
        }
        weights = dict(airflow.query("SELECT task_id, priority_weight FROM task_instance WHERE run_id = 'after'"))
    assert [weights[name] for name in ("longest", "long", "many", "some", "one", "three")] == [4, 3, 2, 2, 1, 1]
    firsts = {
        dag: [
            (min(times[name] for name in names.split()), max(times[name] for name in names.split())) for names in ORDER
        ]
        for dag, times in queued.items()
    }
    assert all(ends <= starts for (_, ends), (starts, _) in zip(firsts["after"], firsts["after"][1:], strict=False))
    assert max(queued["before"][name] for name in ("many", "some")) < min(
        queued["before"][name] for name in ("long", "longest")
    )
