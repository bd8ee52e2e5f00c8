from __future__ import annotations

import os
from pathlib import Path

import pytest

from step_runs import Runs

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # read when a library is loaded; the models are small, the machine is busy


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Runs steps in a folder of this test."""
    return Runs(tmp_path, monkeypatch)
