"""A whole Airflow on loopback for one test: its processes, and the LocalExecutor, on SQLite."""

from __future__ import annotations

import functools
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["LiveAirflow"]

PARTS = ("api-server", "scheduler", "dag-processor")
PATIENCE = 300.0  # seconds


class LiveAirflow:
    """The processes of an Airflow, and what its database says; use it in a `with`.

    Args:
        home: its home; DAG files go into `dags` in it.
        settings: further environment variables.
        triggers: whether tasks of its DAGs defer themselves, which takes a process more.

    Attributes:
        environment: the variables that its processes have.
        url: where its API is.
    """

    def __init__(self, home: Path, settings: dict[str, str], *, triggers: bool = False) -> None:
        self._parts = (*PARTS, "triggerer") if triggers else PARTS
        self.home = home
        self.dags = home / "dags"
        self._processes: list[subprocess.Popen[bytes]] = []
        port = _free_port()
        self.url = f"http://localhost:{port}"
        # Nothing of what this process says to its own Airflow: its database, its DAGs.
        others = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        self.environment = {
            **others,
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://localhost:{port}/execution/",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__API__SECRET_KEY": "a secret of this test",
            "AIRFLOW__API_AUTH__JWT_SECRET": "another secret of this test, which is long enough for a signature of it",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db?timeout=60",
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            # A worker that misses the end of its task looks again after that many seconds.
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            # A busy machine must not look like a broken one: by default a task fails when its API is slow for seconds.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
            "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "10",
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",
            "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "180",
            **settings,
        }

    def __enter__(self) -> LiveAirflow:
        self.dags.mkdir(parents=True, exist_ok=True)
        self.command("db", "migrate")
        for part in self._parts:
            with (self.home / f"{part}.log").open("wb") as log:
                streams: dict[str, Any] = {"stdout": log, "stderr": subprocess.STDOUT}
                program = [str(_airflow()), part]
                self._processes.append(
                    subprocess.Popen(program, env=self.environment, start_new_session=True, **streams)
                )
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)

    def command(self, *arguments: str) -> str:
        """What a command of Airflow prints."""
        program = [str(_airflow()), *arguments]
        done = subprocess.run(program, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """What the API that the UI uses answers; a body is posted, if nothing else is said."""
        return self._call(f"/api/v2{path}", body, {"Authorization": f"Bearer {self.token()}"}, method)

    def token(self) -> str:
        """What lets anybody in."""
        return str(self._call("/auth/token")["access_token"])

    def start(self, dag: str, *runs: str, **more: Any) -> None:
        """Starts runs of a DAG, once the API answers; a command of Airflow would take seconds for each.

        Args:
            dag: its id.
            runs: the ids of its runs.
            more: what their requests say besides, such as `conf`.
        """
        self.until(self._answers, "the API")
        for run in runs:
            self.ask(f"/dags/{dag}/dagRuns", {"dag_run_id": run, "logical_date": None, **more})

    def publish(self, file: str, text: str) -> None:
        """Writes a file of the DAG folder at once: Airflow reads the folder all the time, and never half a file."""
        draft = self.home / "draft"
        draft.write_text(text)
        draft.replace(self.dags / file)

    def parsed(self, dag: str) -> None:
        """Waits until a DAG has been parsed of what its folder holds now."""
        # The parse that ends next may have read the folder before: the one after it has begun since.
        for _ in range(2):
            now = self.query("SELECT STRFTIME('%Y-%m-%d %H:%M:%f')")[0][0]
            self.until(functools.partial(self._is_parsed, dag, now), "the DAG")

    def _is_parsed(self, dag: str, since: str) -> bool:
        assert not (errors := self.query("SELECT stacktrace FROM import_error")), errors
        return bool(self.query("SELECT 1 FROM dag WHERE dag_id = ? AND last_parsed_time > ?", dag, since))

    def _answers(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("localhost", int(self.url.rpartition(":")[2]))) == 0

    def _call(
        self, path: str, body: Any = None, headers: dict[str, str] | None = None, method: str | None = None
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data, dict(headers or {}), method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of Airflow's database."""
        connection = sqlite3.connect(f"file:{self.home}/airflow.db?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Waits for something."""
        deadline = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what} did not come; see the logs in {self.home}"
            assert all(process.poll() is None for process in self._processes), "a part of Airflow has ended"
            time.sleep(0.5)
        return found

    def finished(self, *runs: str) -> None:
        """Waits until runs have succeeded."""

        def states() -> bool:
            marks = ",".join("?" * len(runs))
            found = [row[0] for row in self.query(f"SELECT state FROM dag_run WHERE run_id IN ({marks})", *runs)]
            assert "failed" not in found, f"{found}\n{self._last_words()}"
            return found == ["success"] * len(runs)

        self.until(states, f"the end of {runs}")

    def _last_words(self) -> str:
        """The ends of all logs: they go with the home."""
        logs = [*self.home.glob("*.log"), *(self.home / "logs").rglob("*.log")]
        return "\n".join(
            f"== {log.name} of {log.parent.name}\n{log.read_text('utf-8', 'replace')[-3000:]}" for log in logs
        )

    def xcom(self, run: str, task: str, key: str) -> Any:
        """The value of an XCom, as JSON says it; None where there is none."""
        where = "WHERE run_id = ? AND task_id = ? AND key = ? ORDER BY timestamp DESC"
        new = self.query("SELECT 1 FROM sqlite_master WHERE name = 'xcom_v2'")  # from 3.4 on
        table = "xcom_v2 JOIN task_instance ON task_instance.id = xcom_v2.task_instance_id" if new else "xcom"
        rows = self.query(f"SELECT value FROM {table} {where}", run, task, key)
        value = rows[0][0] if rows else None
        return json.loads(value) if isinstance(value, str | bytes) else value


def _airflow() -> Path:
    return Path(sys.executable).parent / "airflow"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
