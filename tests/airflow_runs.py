"""Runs of a task with the cache around it, without a scheduler and a database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_dags import DagFiles, FakeInstance, context_of, rendered

__all__ = ["FILE", "XCOM", "Runs", "runs"]

FILE = """
with DAG("d", schedule=None) as dag:
    @task
    def work(x):
        return x * 2
    work(5)
"""
XCOM = "couler_cache"


class Runs:
    """Runs of the one task of a DAG, with a store of their own."""

    def __init__(self, files: DagFiles, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files = files
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.calls = 0
        self.set(cache_store=str(folder))

    def set(self, **settings: str) -> None:
        for name, value in settings.items():
            self.monkeypatch.setenv(f"AIRFLOW__COULER__{name.upper()}", value)

    def run(
        self,
        text: str = FILE,
        *,
        compute: Callable[[], Any] | None = None,
        resumed: Any = None,
        try_number: int = 1,
        conf: Any = None,
        xcoms: dict[str, list[Any]] | None = None,
        task_id: str | None = None,
        **said: Any,
    ) -> tuple[Any, dict[str, Any]]:
        """What the task has returned, and what the cache said of it."""
        from couler_airflow.marks import Declaration
        from couler_airflow.runtime.run import Run

        dag = self.files.dag(text)
        task = rendered(dag.task_dict[task_id] if task_id else list(dag.task_dict.values())[-1])
        self.ti = ti = FakeInstance(task, try_number, xcoms)
        context = context_of(ti, dag_run=SimpleNamespace(conf=conf or {}))

        def body() -> Any:
            self.calls += 1
            return task.python_callable(*task.op_args, **task.op_kwargs) if compute is None else compute()

        stores = said.pop("stores", True)
        run = Run(task, context, Declaration(**said), stores=stores, resumed=resumed)
        value = run.result(body)
        return value, ti.pushed.get(XCOM, {})

    def entries(self) -> list[Any]:
        from couler_plugins.caching.artifacts import open_cache

        with open_cache(self.folder) as cache:
            return cache.entries()


@pytest.fixture
def runs(dag_files: DagFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    return Runs(dag_files, tmp_path / "store", monkeypatch)
