"""What docs/local.md shows is what happens."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest

from running.local.running import runs
from running.local.test_cache import opened
from support import ROOT

EXAMPLE = ROOT / "examples" / "local" / "features.yaml"


def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = (ROOT / "docs" / "local.md").read_text()
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    text = EXAMPLE.read_text()
    failed = runs(text, tmp_path, run="nightly")
    (said,) = re.findall(r"failed \((.*)\)", shown)
    assert failed.status.message.replace(str(tmp_path), "…/couler-run") == said
    (home / "approved").touch()
    for run in ("nightly", "a", "b"):
        done = runs(text, tmp_path, run=run, opening=partial(opened, tmp_path / "cache"))
        assert (done.well, done.outputs) == (True, {"total": "303"})
        assert f"{run}/features: succeeded\n  total = 303\n" in shown
    names = [path.name for path in sorted((tmp_path / "b" / "features").glob("steps/*/1/*"))]
    assert f"$ ls couler-run/b/features/steps/*/1\n{chr(10).join(names)}\n" in shown
    assert not list((tmp_path / "nightly" / "features").glob("steps/main.extract-*/2"))
