"""DAG files of a test's own, parsed as Airflow parses them, and tasks of theirs run without a database."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_minors import empty_bag

__all__ = ["DagFiles", "FakeInstance", "context_of", "rendered"]


class DagFiles:
    """A folder of DAG files and modules beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> Path:
        """Writes a file; the text may be indented."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        for loaded, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(str(self.folder)):
                del sys.modules[loaded]
        return path

    def dag(self, text: str, name: str = "dag_file.py") -> Any:
        """The one DAG of a file, with the policies applied."""
        path = self.write(name, "from airflow.sdk import DAG, task\n" + textwrap.dedent(text))
        bag = empty_bag()
        bag.process_file(str(path))
        assert not bag.import_errors, bag.import_errors
        (dag,) = bag.dags.values()
        return dag


class FakeInstance:
    """A task instance that needs no API: what is pushed can be pulled."""

    def __init__(self, task: Any, try_number: int = 1, xcoms: Mapping[str, list[Any]] | None = None) -> None:
        self.task = task
        self.dag_id, self.task_id, self.run_id = task.dag.dag_id, task.task_id, "run"
        self.try_number = try_number
        self.map_index = 1 if next(task.iter_mapped_task_groups(), None) else -1
        self.pushed: dict[str, Any] = {}
        self._told = dict(xcoms or {})

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, *, task_ids: list[str], key: str, map_indexes: list[int] | None = None) -> list[Any]:
        told = [item for task_id in task_ids for item in self._told.get(task_id, [])]
        return told if map_indexes is None else [told[index] for index in map_indexes]

    def get_ti_count(self, *, dag_id: str, task_ids: list[str], run_ids: list[str]) -> int:
        return 2


def context_of(ti: FakeInstance, **more: Any) -> dict[str, Any]:
    """A context of a run, as far as tasks here read it."""
    return {"ti": ti, "ds": "2026-01-01", "params": {"rate": 1}, "dag_run": SimpleNamespace(conf={}), **more}


def rendered(task: Any) -> Any:
    """The copy of an operator that a worker runs."""
    return task.prepare_for_execution()


@pytest.fixture
def dag_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagFiles]:
    """DAG files in a folder that modules can be imported from."""
    folder = tmp_path / "dags"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)
    yield DagFiles(folder)
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
