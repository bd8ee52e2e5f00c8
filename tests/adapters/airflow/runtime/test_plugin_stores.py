"""Stores that plugins give: workers find them by the scheme of the URL, and outlive them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.airflow.runtime.test_workers import worker
from airflow_runs import Runs
from couler_airflow.installed import installed_plugins
from pluginbox import PluginBox

pytestmark = pytest.mark.airflow

SHELF = """
from couler_plugins import hookimpl
from couler_plugins.caching.artifacts.stores import FolderStore

class Shelf(FolderStore):
    schemes = ("shelf",)

    @classmethod
    def open(cls, url):
        return FolderStore.open(url.removeprefix("shelf:/"))

class Broken(FolderStore):
    schemes = ("broken",)

    @classmethod
    def open(cls, url):
        raise RuntimeError(f"{url} cannot be opened")

@hookimpl
def couler_artifact_stores():
    return [Shelf, Broken]
"""


@pytest.fixture(autouse=True)
def shelf(runs: Runs, plugin_box: PluginBox) -> Iterator[Path]:
    """A folder that only a plugin's URL leads to."""
    plugin_box.add("shelf", SHELF)
    installed_plugins.cache_clear()
    folder = plugin_box.folder / "books"
    runs.set(cache_store=f"shelf:/{folder}")
    yield folder
    installed_plugins.cache_clear()


def test_results_are_kept_where_a_plugin_says(runs: Runs, shelf: Path) -> None:
    assert runs.run()[1]["hit"] is False
    value, told = runs.run()
    assert (value, told["hit"], runs.calls) == (10, True, 1)
    assert (shelf / "v1/default").is_dir()


def test_a_store_of_a_plugin_that_is_broken_is_a_miss(runs: Runs, caplog: pytest.LogCaptureFixture) -> None:
    runs.set(cache_store="broken://ann:hunter2@there")
    value, told = runs.run()
    assert (value, told["cached"]) == (10, False)
    assert "the task goes on without it" in caplog.text
    assert "broken://" in told["reason"]
    assert "hunter2" not in f"{caplog.text}{told}"


def test_a_url_that_no_plugin_serves_any_more_is_a_miss(runs: Runs) -> None:
    runs.set(cache_store="gone://there")
    value, told = runs.run()
    assert (value, told["cached"]) == (10, False)


def test_a_folder_loads_no_plugins(runs: Runs, tmp_path: Path) -> None:
    runs.set(cache_store=str(tmp_path / "plain"))
    runs.run()
    assert installed_plugins.cache_info().currsize == 0


@pytest.mark.slow
def test_worker_processes_find_the_plugin_that_is_installed(
    runs: Runs, plugin_box: PluginBox, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(plugin_box.site), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.delenv("COULER_LOAD_PLUGINS")  # as on a worker: all that are installed
    (runs.files.folder / "go").touch()
    printed = [communicated(worker(runs, name, 0.0)) for name in ("one", "two")]
    assert printed == ["10 False", "10 True"]
    assert (shelf / "v1/default").is_dir()


def communicated(process: subprocess.Popen[str]) -> str:
    return process.communicate(timeout=120)[0].strip().splitlines()[-1]
