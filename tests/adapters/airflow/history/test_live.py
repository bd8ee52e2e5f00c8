"""With a real scheduler and API server: what both sources say of runs is the same, and what has happened."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from airflow_live import LiveAirflow
from couler_plugins.caching.report import report
from couler_plugins.cli.group import couler
from couler_plugins.documents import read
from couler_plugins.driver.context import read_runs
from couler_plugins.plugins import load_plugins

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

FILE = """
    import datetime
    import time
    from airflow.sdk import DAG, task

    with DAG("past", schedule=None, tags=["couler-cache"]) as dag:
        @task
        def numbers():
            time.sleep(2)
            return [1, 2, 3]

        @task
        def double(x):
            return x * 2

        @task(retries=1, retry_delay=datetime.timedelta(0))
        def flaky(ti=None):
            if ti.try_number == 1:
                raise ValueError("a secret of the first try")

        @task.short_circuit
        def stop():
            return False

        @task
        def skipped():
            return 1

        found = numbers()
        double.expand(x=found) >> flaky()
        found >> stop() >> skipped()
"""
ASKED = ("history", "fetch", "past", "--engine", "airflow", "--from")
USERS = {
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
    "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ann:admin",
}


def test_a_whole_airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"AIRFLOW__COULER__CACHE_STORE": str(tmp_path / "store"), **USERS}
    with LiveAirflow(tmp_path / "home", settings) as airflow:
        airflow.publish("past.py", textwrap.dedent(FILE))
        airflow.until(lambda: airflow.query("SELECT 1 FROM serialized_dag WHERE dag_id = 'past'"), "the DAG")
        for name in ("one", "two"):
            airflow.command("dags", "trigger", "past", "--run-id", name)
            airflow.finished(name)

        password = json.loads((airflow.home / "simple_auth_manager_passwords.json.generated").read_text())["ann"]
        monkeypatch.delenv("COULER_AIRFLOW_TOKEN", raising=False)
        monkeypatch.setenv("COULER_AIRFLOW_USERNAME", "ann")
        monkeypatch.setenv("COULER_AIRFLOW_PASSWORD", password)
        by_api = CliRunner().invoke(
            couler, ["history", "fetch", "past", "--engine", "airflow", "--from", airflow.url], catch_exceptions=False
        )
        assert by_api.exit_code == 0, by_api.stderr
        assert password not in by_api.output
        monkeypatch.setenv("COULER_AIRFLOW_PASSWORD", "wrong")
        refused = CliRunner().invoke(
            couler, ["history", "fetch", "past", "--engine", "airflow", "--from", airflow.url], catch_exceptions=False
        )
        assert refused.exit_code == 2
        assert "refuses to sign in: 401" in refused.stderr

        program = [
            str(Path(sys.executable).parent / "couler"),
            "history",
            "fetch",
            "past",
            "--engine",
            "airflow",
            "--from",
            "database",
        ]
        by_database = subprocess.run(
            program, env=airflow.environment, capture_output=True, text=True, check=True
        ).stdout
        assert by_database == by_api.stdout
        assert "secret" not in by_database
        absent = subprocess.run(
            ["no_such" if word == "past" else word for word in program],
            env=airflow.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (absent.returncode, absent.stdout) == (2, "")
        assert "Airflow knows no DAG 'no_such'" in absent.stderr

    one, two = read_runs(read(by_api.stdout.encode(), "runs.jsonl").documents, load_plugins())
    doubles = [f"past/double({index})" for index in range(3)]
    same = {"past/flaky": ("computed", 2), "past/stop": ("computed", 1), "past/skipped": ("skipped", 1)}
    for run, fate in ((one, "computed"), (two, "loaded")):
        expected = same | dict.fromkeys(["past/numbers", *doubles], (fate, 1))
        assert {ran.step: (ran.fate, ran.attempts) for ran in run.steps} == expected
        assert all((ran.seconds is None) == (ran.fate == "loaded") for ran in run.steps)
    rows = {row.step: row for row in report([one, two]).steps}
    assert {name: (row.hits, row.misses) for name, row in rows.items() if row.hits} == {
        "past/numbers": (1, 1),
        "past/double": (3, 3),
    }
    assert rows["past/double"].untimed == 0  # the cache itself says how long computing took
    assert not {"past/flaky", "past/skipped"} & rows.keys()
    names = [ran.step for ran in one.steps]
    flaky = one.steps[names.index("past/flaky")]
    assert {names[parent] for parent in flaky.parents} == set(doubles)
