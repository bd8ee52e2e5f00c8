"""Settings for the whole suite."""

from __future__ import annotations

import gc
import hashlib
import itertools
import logging
import os
import shutil
import signal
import socketserver
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

import support
from couler_plugins.parallelism import portfolio
from pluginbox import PluginBox

# The same examples in every run, on any machine. Continuous integration draws more of them, by
# `--hypothesis-profile long`; `--hypothesis-profile search` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None, print_blob=True, max_examples=25)
settings.register_profile("long", settings.get_profile("repeatable"), max_examples=60)
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
    # Servers of the tests send head and body of an answer apart: the second would wait 40 ms for the first's receipt.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    # In the background of a script Ctrl-C is ignored, also by what tests start and end by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _loggers() -> Iterator[None]:
    """What a test, or Airflow on its way, switches off of our loggers is on again for the next one."""
    yield
    logging.disable(logging.NOTSET)
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith("couler") and isinstance(logger, logging.Logger):
            logger.disabled = False


def pytest_collection_finish() -> None:
    # A file that a test writes again within a second, as long as it was, would be taken for what was compiled before.
    sys.dont_write_bytecode = True
    # All that is there now stays: a test that collects garbage need not look through it, a second each time.
    gc.freeze()


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["AIRFLOW_HOME"], ignore_errors=True)


@pytest.hookimpl(tryfirst=True)  # pytest itself selects by the markers that are set here
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Two workers that name a test differently refuse to begin; one process alone would never notice.
    if addressed := [item.nodeid for item in items if " object at 0x" in item.nodeid]:
        raise pytest.UsageError(f"tests whose names hold an address: give them ids: {', '.join(addressed)}")
    missing = {
        "airflow": None if support.AIRFLOW else "needs apache-airflow",
        "oracle": None if support.GO else "needs a Go toolchain",
    }
    for item in items:
        if isinstance(item, pytest.Function) and reads_corpora(item.module.__name__):
            item.add_marker("corpus")
        if item.get_closest_marker("oracle"):
            item.add_marker("slow")
        if item.get_closest_marker("airflow"):
            for warning in AIRFLOWS:
                item.add_marker(pytest.mark.filterwarnings(warning))
        for marker, reason in missing.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))
    left_out = ("slow", "long")
    rest = [
        item for item in items if item.get_closest_marker("sampled") and not any(map(item.get_closest_marker, left_out))
    ]
    for _, group in itertools.groupby(rest, lambda item: item.path):
        ranked = sorted(group, key=lambda item: hashlib.sha256(item.nodeid.encode()).digest())
        for item in ranked[max(3, len(ranked) // 4) :]:
            item.add_marker("slow")


READERS = ("SHARED", "corpus_files", "corpus_paths", "own_files", "shared", "shared_files")
"""What `support` has to read corpora with."""


@cache
def reads_corpora(name: str) -> bool:
    """Return whether a module of the tests has one of `READERS`, or something of a module of the tests that has."""
    names = vars(sys.modules[name])
    if name == "support" or not str(names.get("__file__")).startswith(f"{support.ROOT}/tests/"):
        return False
    if any(names.get(reader, ...) is getattr(support, reader, None) for reader in READERS):
        return True
    modules = {getattr(value, "__module__", None) or getattr(value, "__name__", None) for value in names.values()}
    return any(reads_corpora(module) for module in modules & sys.modules.keys() - {name})


@pytest.fixture(autouse=True)
def same_environment() -> Iterator[None]:
    """What a test, or a DAG that it runs, leaves in the environment would change later ones of this worker only."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture(autouse=True, scope="module")
def short_searches() -> Iterator[None]:
    """Search splits for a hundredth of the time; tests of partitioners and benchmarks judge them, and replace this."""
    with pytest.MonkeyPatch.context() as patch:
        shorten_searches(patch)
        yield


def shorten_searches(patch: pytest.MonkeyPatch) -> None:
    """Search splits for a hundredth of the time, until the patch is undone."""
    for name in ("TRIES", "TRIES_TINY", "TRIES_LARGE", "SHAKES", "SHAKES_SMALL", "SHAKES_STEP"):
        patch.setattr(portfolio, name, getattr(portfolio, name) // 100)


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
