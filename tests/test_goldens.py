"""What pipelines and conversions make of the corpora is what was frozen; `python tests/goldens.py` says more."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import goldens
from conversions import ENGINES
from support import ROOT

SMALL = "own/dag-d*.yaml"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own: tests search splits for a shorter time."""
    command = [sys.executable, str(ROOT / "tests" / "goldens.py"), *arguments]
    environment = os.environ | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}  # it writes of each file that it loads
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_file_is_as_it_was_frozen() -> None:
    done = run("check", "--only", "argo", "--files", SMALL)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


def test_a_difference_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(goldens.FOLDER / "argo.json", tmp_path)
    monkeypatch.setattr(goldens, "FOLDER", tmp_path)
    monkeypatch.setattr(goldens, "PIPELINES", {"default-retry": goldens.PIPELINES["default-retry"]})
    content = goldens.stored("argo")
    entry = content["files"]["own/dag-diamond.yaml"]
    (tmp_path / "argo.json").write_text(json.dumps(content))
    small = goldens.Choice(SMALL)
    before = goldens.check("argo", small)
    entry["default-retry"] = entry["default-retry"].replace("t:", "t:0")
    (tmp_path / "argo.json").write_text(json.dumps(content))
    assert set(goldens.check("argo", small)) - set(before) == {"argo:own/dag-diamond.yaml default-retry: text"}


def test_a_file_is_shown_with_its_digest() -> None:
    done = run("show", "argo:own/dag-diamond.yaml", "default-retry")
    digest = goldens.stored("argo")["files"]["own/dag-diamond.yaml"]["default-retry"]
    assert done.stdout.startswith(f"frozen: {digest}\ntoday:  {digest}\n--- text\n")
    assert "retryStrategy:" in done.stdout


@pytest.mark.parametrize(
    ("group", "share"),
    [
        *(pytest.param(group, 3 if group in ENGINES else 1, marks=pytest.mark.slow) for group in goldens.all_groups()),
        *(pytest.param(group, 1, marks=pytest.mark.long) for group in ENGINES),
    ],
)
def test_everything_is_as_it_was_frozen(group: str, share: int) -> None:
    """Of the engines' corpora, continuous integration looks at one file of three."""
    if reason := goldens.absent(group):
        pytest.skip(reason)
    done = run("check", "--only", group, "--share", str(share))
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
