"""What a split pipeline computes is what the whole computes: both really run with `kfp.local`."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.local.corpus import ARGUMENTS, FAILING, FILES, running
from adapters.kfp.split.generating import chain, fan, grouped
from adapters.kfp.split.runs import documents_of, handed_out, run_here, split
from couler_kfp.split.handoff import FILE
from couler_plugins.errors import CoulerError
from support import first_of

pytestmark = pytest.mark.sampled

pytest.importorskip("kfp", reason="needs kfp")

GENERATED = {"chain": chain(4), "fan": fan(4), "grouped": grouped()}


@pytest.fixture(autouse=True)
def same_coins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Coins fall alike in every run, and nothing is looked for in a network."""
    (tmp_path / "sitecustomize.py").write_text("import random\nrandom.seed(1)\n", "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.chdir(tmp_path)


def whole(documents: list[Any], folder: Path, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
    jobs, outcome = run_here(documents, folder, parameters)
    assert outcome.succeeded, outcome.entries
    return handed_out(jobs, folder)


@pytest.mark.parametrize("steps", first_of([2, 1, 3]))
@pytest.mark.parametrize("name", first_of(GENERATED))
def test_parts_compute_what_the_whole_computes(name: str, steps: int, tmp_path: Path) -> None:
    spec = GENERATED[name]
    parts = split(spec, f"max-steps={steps}")
    assert len(parts) > 3
    given = {"number": "4", **({"rate": "2"} if name == "chain" else {})}
    assert whole(parts, tmp_path / "parts", given) == whole([spec], tmp_path / "whole", given)


@pytest.mark.parametrize("steps", first_of([2, 1, 6]))
def test_conditions_over_what_other_parts_make_hold_as_before(steps: int, tmp_path: Path) -> None:
    """`kfp.local` takes a condition that it cannot read for false."""
    marks = tmp_path / "marks"
    marks.mkdir()
    spec = grouped(str(marks))
    jobs, outcome = run_here(split(spec, f"max-steps={steps}"), tmp_path / "out", {"number": "2"})
    assert outcome.succeeded, jobs
    assert len(list(marks.iterdir())) == 1
    assert "not resolve" not in "".join(path.read_text() for path in (tmp_path / "out").rglob("log.txt"))


def test_what_is_printed_and_logged_afterwards_goes_where_it_went(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handlers, printing = logging.getLogger().handlers[:], print
    run_here(split(grouped(), "max-steps=2"), tmp_path)
    assert logging.getLogger().handlers == handlers
    assert print is printing
    assert capsys.readouterr().out == ""


def test_the_hand_off_says_what_the_part_has_handed_out(tmp_path: Path) -> None:
    """What a cluster reads is what `kfp.local` returns."""
    jobs, _ = run_here(split(chain(3), "max-steps=2"), tmp_path)
    for job in jobs[:-1]:
        (handoff,) = (tmp_path / job.place).rglob(FILE)
        told, returned = (
            json.loads(handoff.read_text()),
            json.loads((tmp_path / job.place / "outputs.json").read_text()),
        )
        assert told["parameters"] == returned["parameters"]
        assert told["artifacts"] == returned["artifacts"]


def cut(text: str) -> list[Any]:
    """As many parts as there can be."""
    for steps in (1, 2, 3):
        with contextlib.suppress(CoulerError):
            parts = split(text, f"max-steps={steps}")
            if len(parts) > len(documents_of(text)):
                return parts
    pytest.skip("it cannot be cut, or has one step")


@pytest.mark.parametrize("name", first_of(running(), 3))
def test_pipelines_of_the_corpus_compute_the_same(name: str, tmp_path: Path) -> None:
    text = FILES[name].read_text("utf-8")
    parts = cut(text)
    given = {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in ARGUMENTS.get(name, {}).items()
    }
    jobs, outcome = run_here(parts, tmp_path / "parts", given)
    if name in FAILING:
        assert not outcome.succeeded
        return
    assert outcome.succeeded, outcome.entries
    assert handed_out(jobs, tmp_path / "parts") == whole(documents_of(text), tmp_path / "whole", given)
