"""What the cache did is counted in Airflow's metrics, by a listener of our plugin."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_runs import FILE, Runs
from couler_airflow import listener

pytestmark = [pytest.mark.airflow, pytest.mark.sampled]
TAGS = {"dag_id": "d", "task_id": "work"}
TIMED = """
import time
with DAG("d", schedule=None) as dag:
    @task
    def work(x):
        return time.time()
    work(5)
"""


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What Airflow's own class for metrics is told, which sends nothing where no server is set."""
    from couler_airflow.airflow_compat import metrics

    told: list[tuple[str, Any]] = []
    monkeypatch.setattr(metrics(), "incr", staticmethod(lambda name, tags: told.append((name, tags))))
    monkeypatch.setattr(metrics(), "timing", staticmethod(lambda name, dt, tags: told.append((name, dt))))
    return told


def test_hits_misses_and_what_is_not_cached(runs: Runs, counted: list[tuple[str, Any]]) -> None:
    for text in (FILE, FILE, TIMED):
        runs.run(text)
        listener.on_task_instance_success(None, runs.ti)
    names = [name for name, _ in counted]
    assert names == ["couler.cache.miss", "couler.cache.hit", "couler.cache.saved", "couler.cache.uncached"]
    assert counted[1][1] == TAGS
    assert counted[2][1] >= 0


def test_a_task_is_counted_once_and_no_other_in_its_place(runs: Runs, counted: list[tuple[str, Any]]) -> None:
    runs.run()
    listener.on_task_instance_success(None, object())
    assert not counted
    listener.on_task_instance_success(None, runs.ti)
    listener.on_task_instance_success(None, runs.ti)
    assert len(counted) == 1


def test_airflow_registers_it() -> None:
    from airflow.listeners.listener import get_listener_manager
    from airflow.plugins_manager import ensure_plugins_loaded, integrate_listener_plugins

    ensure_plugins_loaded()
    integrate_listener_plugins(get_listener_manager())
    hook = get_listener_manager().hook.on_task_instance_success
    assert "couler_airflow.listener" in {
        getattr(item.plugin, "__name__", "") for item in hook.get_hookimpls() if item.plugin_name
    }


STARTING = """
import sys
from couler_airflow import listener
listener.on_starting(type(sys.argv[1], (), {})())
print(*(name for name in sys.modules if name.startswith("couler_")))
"""
CACHING = """
from pathlib import Path
sys.path[:0] = {paths!r}
from airflow_dags import DagFiles, FakeInstance, context_of, rendered
from couler_airflow.marks import Declaration
from couler_airflow.runtime.run import Run
before = {{*sys.modules}}
task = rendered(DagFiles(Path({folder!r})).dag({text!r}).task_dict["work"])
ti = FakeInstance(task)
Run(task, context_of(ti), Declaration(), stores=True, resumed=None).result(lambda: 10)
assert ti.pushed["couler_cache"]["cached"]
print("then", *(name for name in sys.modules if name.startswith("couler_") and name not in before))
"""


def modules_after_start(component: str, then: str = "") -> list[str]:
    command = [sys.executable, "-c", STARTING + then, component]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.split()


@pytest.mark.slow
def test_a_scheduler_imports_what_tasks_need_and_a_task_imports_nothing_more(runs: Runs, tmp_path: Path) -> None:
    then = CACHING.format(paths=[str(Path(__file__).parents[3])], folder=str(tmp_path), text=FILE)
    loaded = modules_after_start("Job", then)
    assert "couler_plugins.caching.artifacts.opening" in loaded
    assert loaded[loaded.index("then") + 1 :] == []


@pytest.mark.parametrize(
    ("component", "store", "imports"), [("Job", "/s", True), ("Job", "", False), ("TaskRunnerMarker", "/s", False)]
)
def test_what_starts_imports_what_tasks_need(runs: Runs, component: str, store: str, imports: bool) -> None:
    runs.set(cache_store=store)
    assert ("couler_airflow.runtime.run" in modules_after_start(component)) is imports
