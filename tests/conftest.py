"""Settings for the whole suite."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

import support
from pluginbox import PluginBox

# The same examples in every run, on any machine; `--hypothesis-profile search` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("search", max_examples=2_000, deadline=None, print_blob=True)
settings.load_profile("repeatable")
# Hypothesis draws from the constants of all modules that are loaded, and so gives each worker other examples.
providers._get_local_constants = lambda: providers._local_constants


AIRFLOWS = (
    "ignore::DeprecationWarning",
    "ignore::PendingDeprecationWarning",
    "ignore::FutureWarning",
    "ignore:Using `httpx` with `starlette.testclient`",
)
"""What Airflow and its libraries warn of when they are used: which parts of each other will not be there for long."""


def pytest_configure() -> None:
    """Airflow writes a configuration and logs into its home when it is imported: give it one of its own."""
    home = os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="couler-airflow-")
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{home}/airflow.db"
    # What is imported is compiled once, and not by every process that a test starts: 3 s for Airflow, 2 s for KFP.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_collection_finish() -> None:
    # A file that a test writes again within a second, as long as it was, would be taken for what was compiled before.
    sys.dont_write_bytecode = True
    # All that is there now stays: a test that collects garbage need not look through it, a second each time.
    gc.freeze()


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["AIRFLOW_HOME"], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Two workers that name a test differently refuse to begin; one process alone would never notice.
    if addressed := [item.nodeid for item in items if " object at 0x" in item.nodeid]:
        raise pytest.UsageError(f"tests whose names hold an address: give them ids: {', '.join(addressed)}")
    missing = {
        "airflow": None if support.AIRFLOW else "needs apache-airflow",
        "oracle": None if support.GO else "needs a Go toolchain",
    }
    for item in items:
        if item.get_closest_marker("airflow"):
            for warning in AIRFLOWS:
                item.add_marker(pytest.mark.filterwarnings(warning))
        for marker, reason in missing.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def same_environment() -> Iterator[None]:
    """What a test, or a DAG that it runs, leaves in the environment would change later ones of this worker only."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real workflows and schemas; skips the test where it is missing."""
    return support.shared()


@pytest.fixture
def plugin_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginBox]:
    """Plugins for one test only, in a current folder of its own."""
    box = PluginBox(tmp_path, monkeypatch)
    yield box
    box.forget()
