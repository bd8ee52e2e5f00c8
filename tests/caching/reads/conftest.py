"""Folders of files that code reads, which are not of the process's temporary folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.caching.reads import Observation, observe
from reads_observed import Observe


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder that a task reads."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "x.csv").write_text("a,b\n1,2\n")
    return folder


@pytest.fixture
def watch(tmp_path: Path) -> Observe:
    """Observes with a temporary folder beside what is read, as pytest's is in that of the process."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    @contextmanager
    def watch(**more: Any) -> Iterator[Observation]:
        with observe(**{"temporary": [scratch], **more}) as seen:
            yield seen

    return watch


@pytest.fixture(autouse=True)
def _same_process() -> Iterator[None]:
    """Each test leaves the process as it was."""
    before = os.stat, os.getcwd, os.open, type(os.environ)
    yield
    assert before == (os.stat, os.getcwd, os.open, type(os.environ))
    assert "Wrapper" not in type(os.stat).__name__
