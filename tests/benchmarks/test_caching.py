"""A part of the benchmark of caching that takes seconds: the promises of `scr` on two small workloads."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

import pytest

from benchmarks import caching
from benchmarks.caching_figures import OURS, Trial, by_policy, capture, regret
from benchmarks.caching_inputs import HISTORIES, inputs
from benchmarks.caching_jobs import ALL, REGRET_SHARES
from benchmarks.caching_replays import Job, trials
from couler_plugins.simulation.edits import Replayed
from couler_plugins.simulation.workload import Workload
from support import shared

SMALL = ("blast-chameleon-small-001", "sarek-dirt02-001")


@pytest.fixture(scope="module")
def workloads() -> list[Workload]:
    return [load for load in inputs(shared("corpus", "traces")).workloads if load.family in SMALL]


@pytest.mark.slow
def test_scr_captures_at_least_what_every_opponent_does(workloads: list[Workload]) -> None:
    jobs = [
        Job(load, Replayed(), seed, runs=40, shares=(0.2,), policies=ALL) for load in workloads for seed in range(3)
    ]
    captured = by_policy([trial for job in jobs for trial in trials(job)], capture)
    assert captured.keys() == set(ALL)
    assert max(captured, key=lambda policy: captured[policy].mean) == OURS


@pytest.mark.slow
def test_the_regret_of_scr_is_within_its_limits(workloads: list[Workload]) -> None:
    jobs = [
        Job(load, Replayed(), seed, 12, REGRET_SHARES, (OURS,), least="optimum")
        for load in workloads
        for seed in range(4)
    ]
    found: list[Trial] = [trial for job in jobs for trial in trials(job)]
    regrets = [value for trial in found if (value := regret(trial)) is not None]
    assert len(regrets) == len(found) == 16
    assert min(regrets) >= -0.1, "below the optimum, by more than the optimum's own tolerance"
    assert statistics.fmean(regrets) <= 5
    assert max(regrets) <= 30


def test_files_that_cannot_be_used_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"{SMALL[1]}.json"
    (tmp_path / name).write_bytes(shared("corpus", "traces", name).read_bytes())
    (tmp_path / "cut.json").write_bytes(shared("corpus", "traces", name).read_bytes()[:5_000])
    (tmp_path / "strange.edits.json").write_text('{"schema": "couler.edits/v1", "changes": [["NO_SUCH_TYPE"]]}')
    (tmp_path / "mine.edits.json").write_text('{"schema": "couler.edits/v1", "changes": [["FASTQC"], []]}')
    found = inputs(tmp_path)
    assert [load.family for load in found.workloads] == [SMALL[1]]
    assert [edits.file for _, edits in found.recorded] == ["mine.edits.json", "sarek.edits.json"]
    assert found.left_out.keys() == {"cut.json", "strange.edits.json"}
    assert "left out: cut.json" in capsys.readouterr().err


def test_a_folder_without_a_trace_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.json").write_text("{")
    arguments = ["--quick", "--traces", str(tmp_path), "--json", str(tmp_path / "figures")]
    monkeypatch.setattr(sys, "argv", ["caching", *arguments])
    with pytest.raises(SystemExit) as stopped:
        caching.main()
    assert stopped.value.code == 2
    assert "no trace that can be used" in capsys.readouterr().err
    assert not (tmp_path / "figures").exists()


@pytest.mark.parametrize("name", ["atacseq", "rnaseq", "sarek"])
def test_a_recorded_history_fits_the_trace_of_its_pipeline(name: str) -> None:
    content = json.loads((HISTORIES / f"{name}.edits.json").read_bytes())
    entries = [entry if isinstance(entry, dict) else {"changed": entry} for entry in content["changes"]]
    changes = [entry["changed"] + entry.get("restored", []) for entry in entries]
    (load,) = [one for one in inputs(shared("corpus", "traces")).workloads if one.family.startswith(name)]
    assert {kind for change in changes for kind in change} <= set(load.types)
    assert all(changes)
