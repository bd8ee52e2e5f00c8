"""With a real scheduler: how often tasks are tried whose retries were written by us, when, and what is known of it."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from pathlib import Path

import pytest

from airflow_live import LiveAirflow
from couler_airflow.archive import AirflowArchive
from couler_airflow.history.records import document_of
from couler_airflow.history.runs import runs_of
from couler_airflow.retries import retry_by_cause
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted
from couler_plugins.ir import Literal, Retry
from couler_plugins.reliability.table import CAUSES

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

DELAY, FACTOR, LONGEST = 2, 2, 5
SLACK = 60.0
"""Seconds that a busy machine may take until a task starts that may start."""
FILE = """
    import os
    import signal
    from dataclasses import dataclass
    from datetime import timedelta
    from airflow.sdk import DAG, task
    from couler_airflow import optimize
    from couler_airflow.retries import retry_by_cause
    from couler_plugins.ir import Literal, Retry, replace
    from couler_plugins.reliability.table import CAUSES

    @dataclass(frozen=True)
    class Guarding:
        name = "guarding"

        def run(self, plan, ctx):
            return plan.map_steps(self.name, self.retried, action="retried", reason="it is idempotent")

        def retried(self, step):
            if step.retry:
                return step
            delays = {{"delay": {delay}, "factor": {factor}, "max_delay": {longest}}}
            retry = Retry(limit=Literal(value=2), **{{name: Literal(value=value) for name, value in delays.items()}})
            return replace(step, retry=retry_by_cause(retry, CAUSES, own=False) or retry)

    with DAG("guarded", schedule=None) as dag:
        @task
        def flaky(ti=None):
            if ti.try_number < 3:
                raise ConnectionResetError("token=hunter2 of another one")

        @task
        def mapped(x, ti=None):
            if ti.try_number < x:
                raise TimeoutError("slow")

        @task
        def hopeless():
            raise ConnectionRefusedError("nobody is there")

        @task
        def broken():
            raise ValueError("a secret of the program")

        @task
        def killed(ti=None):
            if ti.try_number < 2:
                os.kill(os.getpid(), signal.SIGKILL)

        @task(retries=1, retry_delay=timedelta(seconds=1), retry_exponential_backoff=True)
        def doubled(ti=None):
            if ti.try_number < 2:
                raise RuntimeError("its owner retries it")

        flaky(), mapped.expand(x=[1, 2]), hopeless(), broken(), killed(), doubled()
    optimize(dag, [Guarding()])
"""
ENDED = "SELECT state FROM dag_run WHERE run_id = 'one' AND state IN ('success', 'failed')"


def test_tasks_are_tried_as_often_and_when_we_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = retry_by_cause(Retry(limit=Literal(value=2)), CAUSES, own=False) is not None
    text = textwrap.dedent(FILE).format(delay=DELAY, factor=FACTOR, longest=LONGEST)
    with LiveAirflow(tmp_path / "home", {"AIRFLOW__CORE__PARALLELISM": "8"}) as airflow:
        airflow.publish("guarded.py", text)
        airflow.until(lambda: airflow.query("SELECT 1 FROM serialized_dag WHERE dag_id = 'guarded'"), "the DAG")
        airflow.start("guarded", "one")
        assert airflow.until(lambda: airflow.query(ENDED), "the end") == [("failed",)]
        monkeypatch.setenv("COULER_AIRFLOW_TOKEN", airflow.token())
        archive = AirflowArchive(ArchiveSource(place=airflow.url, max_bytes=10**7))
        (data,) = archive.fetch(Wanted(workflows=("guarded",)))
        document = document_of(data)
        assert document is not None
        (run,) = runs_of(document)
        tail = archive.log_tail(run.uid, "guarded/flaky", 1, 5)

    tries = {ran.step.removeprefix("guarded/"): ran.tries for ran in run.steps}
    assert {name: len(some) for name, some in tries.items()} == {
        "flaky": 3,
        "mapped(0)": 1,
        "mapped(1)": 2,
        "hopeless": 3,
        "broken": 1 if rules else 3,
        "killed": 2,
        "doubled": 2,
    }
    assert {name for name, some in tries.items() if not some[-1].succeeded} == {"hopeless", "broken"}
    for name, some in tries.items():
        delay, longest = (1, None) if name == "doubled" else (DELAY, LONGEST)
        for number, (before, after) in enumerate(pairwise(some)):
            assert before.end is not None
            assert after.start is not None
            least = delay * FACTOR**number
            waited, most = after.start - before.end, min(2 * least, longest or 2 * least)
            assert min(least, most) <= waited <= most + SLACK, (name, number, waited)

    reasons = {name: [one.reason for one in some if not one.succeeded] for name, some in tries.items()}
    assert reasons["flaky"] == ["ConnectionResetError"] * 2
    assert reasons["hopeless"] == ["ConnectionRefusedError"] * 3
    assert set(reasons["broken"]) == {"ValueError"}
    assert reasons["killed"] == ["SIGKILL"]
    assert "out of memory" in tries["killed"][0].message
    assert "secret" not in str(document)
    assert "ConnectionResetError: token=*** of another one" in tail
