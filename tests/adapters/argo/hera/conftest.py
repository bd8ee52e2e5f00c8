"""Hera's settings and hooks are global: every test here finds and leaves them as they are at the start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from couler_argo.hera import Installation


@pytest.fixture(autouse=True)
def hera_as_new(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    from hera.shared import global_config

    monkeypatch.chdir(tmp_path)  # no settings of this repository or of the person who runs the tests
    for name in ("PIPELINE", "TO", "LOAD_PLUGINS", "DISABLE_PLUGINS"):
        monkeypatch.delenv(f"COULER_{name}", raising=False)
    global_config.reset()
    Installation.current = None
    yield
    global_config.reset()
    Installation.current = None
