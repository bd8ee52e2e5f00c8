"""What is in the way of a run in this process is told in a sentence, and nothing is left where it does not belong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.split.generating import chain
from adapters.kfp.split.runs import RUN, documents_of, run_here, split
from couler_kfp.run import local
from couler_kfp.run.local import LocalRunner
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.hookspecs.running import Request
from couler_plugins.running.local.records import locked

pytest.importorskip("kfp", reason="needs kfp")

ENDLESS = """\
components:
  comp-again:
    dag: {tasks: {again: {componentRef: {name: comp-again}, triggerPolicy: {condition: "true"}}}}
pipelineInfo: {name: endless}
root: {dag: {tasks: {again: {componentRef: {name: comp-again}}}}}
schemaVersion: 2.1.0
"""


def renamed(old: str, new: str) -> list[Any]:
    """The documents of a pipeline, with a name replaced wherever it is."""
    return [json.loads(json.dumps(chain(2)).replace(json.dumps(old), json.dumps(new)))]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("comp-write", "comp-../../../../escaped"),
        ("comp-write", "comp-.."),
        ("comp-write", "/tmp/escaped"),
        ("out", "../../../../escaped"),
        ("out", "."),
    ],
)
def test_names_that_lead_out_of_the_folder_are_refused(old: str, new: str, tmp_path: Path) -> None:
    documents = renamed(old, new)
    assert documents != renamed(old, old)
    with pytest.raises(InvalidInput, match="would be the name of a file, and cannot"):
        run_here(documents, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_calls_itself_is_refused_here_and_has_parts_like_any_other(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="'comp-again' of 'endless' calls itself"):
        run_here(documents_of(ENDLESS), tmp_path / "out")
    assert split(ENDLESS, "max-steps=1") == documents_of(ENDLESS)


def test_a_component_that_is_none_is_told(tmp_path: Path) -> None:
    spec = chain(2)
    spec["components"]["comp-idle"] = None
    with pytest.raises(InvalidInput, match="comp-idle: a mapping is expected here"):
        run_here([spec], tmp_path / "out")


def test_one_process_at_a_time_works_in_a_folder(tmp_path: Path) -> None:
    (job,) = LocalRunner(str(tmp_path)).jobs([chain(2)], Request(run=RUN))
    with locked(tmp_path / job.place), pytest.raises(InvalidInput, match="at work in another process"):
        run_here([chain(2)], tmp_path)
    assert run_here([chain(2)], tmp_path)[1].succeeded


LITTLE = 'ulimit -f 1; export PYTHONDONTWRITEBYTECODE=1; exec "$@"'
"""Python would leave bytecode of half a kilobyte behind, for everybody after it."""


@pytest.mark.slow
def test_a_disk_that_takes_no_more_is_no_mistake_of_ours(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(chain(2)))
    couler = [sys.executable, "-c", "from couler_plugins.cli import main; main()", "run", "p.json", "--local"]
    full = subprocess.run(
        [
            "sh",
            "-c",
            'ulimit -f 1; export PYTHONDONTWRITEBYTECODE=1; exec "$@"',
            "sh",
            *couler,
            "--folder",
            "out",
            "--run-id",
            RUN,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    place = next((tmp_path / "out").iterdir()).resolve()
    assert full.returncode == 3
    assert f"error: {place}: File too large\n  hint: what has succeeded is kept\n" in full.stderr
    assert "Traceback" not in full.stderr
    assert run_here([chain(2)], tmp_path / "out")[1].succeeded


def test_without_kfp_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "find_spec", lambda name: None)
    with pytest.raises(InvalidInput, match="kfp is not installed"):
        run_here([chain(2)], tmp_path / "out")
    assert not (tmp_path / "out").exists()
