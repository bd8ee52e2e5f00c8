"""The benchmark of rightsize charges what its page says, on any folder of traces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import rightsize
from benchmarks.baselines import sizing
from benchmarks.rightsize_traces import Task

HEADER = "process,tag,status,attempt,submit,realtime,cpus,%cpu,memory,peak_rss,rchar,wchar\n"
ROWS = (  # submit, realtime, peak and bytes read of one process, not in order
    (4, 1000, 300, 30),
    (1, 1000, 100, 10),
    (3, 1000, 80, 8),
    (2, 1000, 50, 10),
)


def trace(folder: Path, name: str, rows: str) -> None:
    (folder / f"{name}.csv").write_text(HEADER + rows)


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    folder = tmp_path / "traces"
    folder.mkdir()
    rows = "".join(f"align,,COMPLETED,1,{at},{ms},4,100,400,{peak},{size},0\n" for at, ms, peak, size in ROWS)
    trace(folder, "first", rows + "index,,COMPLETED,1,1,5000,1,100,9000,7000,1,1\n")
    trace(folder, "second", rows.replace("align", "sort") + "sort,,COMPLETED,1,5,-,4,100,400,-,0,0\n")
    return folder


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *more: str) -> Any:
    out = folder.parent / "figures.json"
    arguments = ["rightsize", "--quick", "--traces", str(folder), "--json", str(out), *more]
    monkeypatch.setattr("sys.argv", arguments)
    rightsize.main()
    return json.loads(out.read_text())


def test_a_failing_task_is_charged_its_time_again_at_the_double(
    monkeypatch: pytest.MonkeyPatch, traces: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = run(monkeypatch, traces)
    assert figures["tasks"] == 4
    assert "second.csv: 1 tasks are left out" in capsys.readouterr().err
    reserved = {
        "reserved_over_used": 200 + 3 * 200,
        "preset": 400 + 400,
        "max_1_1": 110 + 3 * 110,
        "gap": 200 + 3 * 200,
        "witt": 97.5 + 3 * 97.5,
        "tovar": 100 + 3 * 100,
        "lower_bound": 300 + 300,
    }
    assert {name: figures[name] for name in reserved} == pytest.approx({k: v / 380 for k, v in reserved.items()})
    assert figures["failing"] == figures["witt_failing"] == 0.5
    assert figures["preset_failing"] == figures["lower_bound_failing"] == figures["worse_than_preset"] == 0
    assert figures["traces"]["first"] == figures["traces"]["second"]
    assert figures["cpu_reserved_over_used"] == 1
    assert figures["cpu_preset"] == 4


def test_the_same_seed_gives_the_same_figures(monkeypatch: pytest.MonkeyPatch, traces: Path) -> None:
    first = run(monkeypatch, traces, "--seed", "3")
    assert run(monkeypatch, traces, "--seed", "3") == first
    assert set(first["resampled"]) == {"reversed", "shuffled", "drawn_3", "drawn_5", "drawn_10", "drawn_30"}
    assert first["resampled"]["reversed"]["failing"] == 0


def test_the_least_waste_is_not_always_the_largest() -> None:
    past = [Task(0, time, 0, peak, 1, 1, 0) for peak, time in ((10, 8.0), (100, 1.0), (20, 1.0))]
    assert sizing.waste(past, past[:1]) == [20]  # 20 * 10 + 100 * 1, beside 100 * 10 and 10 * 10 + 100 * 2
    assert sizing.percentile(past[:1], past) == [10] * 3


def test_a_line_sizes_by_what_is_read() -> None:
    past = [Task(0, 1, 0, 10 * read, 1, 1, read) for read in (1.0, 2.0, 3.0)]
    assert sizing.line(past, [Task(0, 1, 0, 0, 1, 1, 7.0)]) == pytest.approx([70])


@pytest.mark.slow
def test_the_picture_has_every_trace(monkeypatch: pytest.MonkeyPatch, traces: Path) -> None:
    pytest.importorskip("matplotlib")
    plot = traces.parent / "figures.svg"
    run(monkeypatch, traces, "--plot", str(plot))
    assert all(
        f"<!-- {label} -->" in plot.read_text() for label in ("first", "second", "rightsize", "2.11, 50.0 % fail")
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, r"no trace here"),
        ("process,submit\n", r"line 1: there is no column %cpu, cpus"),
        (HEADER, r"no process has"),
        (HEADER + "one,,COMPLETED,1,1,5000,1,100,9000,7000,1,1\n", r"no process has a second half"),
    ],
    ids=["empty", "columns", "rows", "single"],
)
def test_what_is_no_trace_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None, words: str
) -> None:
    folder = tmp_path / "traces"
    folder.mkdir()
    if text is not None:
        (folder / "some.csv").write_text(text)
    with pytest.raises(SystemExit, match=words):
        run(monkeypatch, folder)


def test_it_says_that_it_needs_traces(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.argv", ["rightsize", "--json", str(tmp_path / "figures.json")])
    with pytest.raises(SystemExit, match="--traces FOLDER"):
        rightsize.main()
