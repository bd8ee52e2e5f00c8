"""Traces of Nextflow: as it writes them for people, raw, and with commas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Attempt, Run
from couler_plugins.runs.history_format import runs_in_document
from support import SHARED

PEOPLE = """\
task_id\thash\tnative_id\tname\tstatus\texit\tsubmit\tduration\trealtime\t%cpu\tpeak_rss\tpeak_vmem\trchar\twchar
1\t9c/a1\t101\tQC:FASTQC (s1)\tCOMPLETED\t0\t2026-01-01 00:00:10.500\t1m 20s\t1m 10s\t150.5%\t1.5 GB\t8 GB\t2 MB\t512 KB
2\t9c/a2\t102\tQC:ALIGN (s1)\tFAILED\t137\t2026-01-01 00:02:00.000\t2h 1m\t2h\t98.0%\t-\t-\t-\t-
3\t9c/a3\t103\tQC:ALIGN (s1)\tCOMPLETED\t0\t2026-01-01 02:10:00.000\t1h 30m\t1h 500ms\t99.0%\t900 MB\t1 GB\t3 B\t0
6\t9c/a6\t106\tQC:ALIGN (s1)\tCOMPLETED\t0\t2026-01-01 02:10:00.000\t1h\t1h\t99.0%\t900 MB\t1 GB\t3 B\t0
4\t9c/a4\t104\tQC:INDEX\tCACHED\t0\t2025-12-31 00:00:00.000\t1s\t1s\t10%\t1 MB\t1 MB\t1\t1
5\t9c/a5\t-\tQC:REPORT\tABORTED\t-\t-\t-\t-\t-\t-\t-\t-\t-
"""
RAW = """\
process\ttag\tname\tstatus\tattempt\texit\tsubmit\tstart\tcomplete\trealtime\tcpus\t%cpu\tmemory\tpeak_rss\trchar\twchar
A\tx\tA (x)\tFAILED\t1\t137\t1000000\t1002000\t1009000\t5000\t2\t119.6\t1073741824\t1073000000\t10\t20
A\tx\tA (x)\tCOMPLETED\t2\t0\t1010000\t1012000\t1019000\t6000\t2\t50\t2147483648\t1200000000\t10\t20
A\tx\tA (x)\tCOMPLETED\t1\t0\t1010000\t1012000\t1019000\t6000\t2\t50\t2147483648\t1300000000\t10\t20
"""


def run_of(text: str, file: str = "trace.txt") -> Run:
    (run,) = runs_in_document(read(text.encode(), file).documents[0])
    return run


def use(attempt: Attempt) -> Any:
    (container,) = attempt.containers
    return container


def test_a_trace_for_people() -> None:
    run = run_of(
        PEOPLE,
        "runs/execution_trace_2026-01-01.txt",
    )
    assert (run.family, run.engine, run.whole) == ("QC", "nextflow", False)
    steps = {step.step: step for step in run.steps}
    assert {name: (step.fate, step.attempts, step.type) for name, step in steps.items()} == {
        "QC:FASTQC (s1)": ("computed", 1, "FASTQC"),
        "QC:ALIGN (s1)": ("computed", 2, "ALIGN"),
        "QC:ALIGN (s1) #2": ("computed", 1, "ALIGN"),
        "QC:INDEX": ("loaded", 1, "INDEX"),
        "QC:REPORT": ("failed", 1, "REPORT"),
    }
    (first,) = steps["QC:FASTQC (s1)"].tries
    assert (first.start, first.end, first.succeeded, first.exit_code) == (1767225610.5, 1767225680.5, True, 0)
    assert (first.input_bytes, first.output_bytes) == (2 * 1024**2, 512 * 1024)
    assert (use(first).memory, use(first).cpu, use(first).memory_request) == (int(1.5 * 1024**3), 1.505, None)
    failed, better = steps["QC:ALIGN (s1)"].tries
    assert (better.succeeded, use(better).memory) == (True, 900 * 1024**2)
    assert (failed.succeeded, failed.exit_code, failed.input_bytes, use(failed).memory) == (False, 137, None, None)
    assert [steps[name].seconds for name in ("QC:ALIGN (s1)", "QC:ALIGN (s1) #2")] == [3600.5, 3600.0]
    assert steps["QC:INDEX"].tries == ()  # it was used by the run that computed it
    (aborted,) = steps["QC:REPORT"].tries
    assert (aborted.start, aborted.exit_code, aborted.reason, use(aborted).memory) == (None, None, "Aborted", None)
    assert steps["QC:FASTQC (s1)"].site == "QC:FASTQC"


def test_a_raw_trace_with_attempts() -> None:
    run = run_of(RAW, "rna.tsv")
    assert (run.family, run.whole, run.at) == ("rna", True, 1018.0)
    first, second = run.steps
    assert (first.step, first.attempts, first.seconds, first.memory) == ("A (x)", 2, 6.0, 1_200_000_000)
    assert [(item.start, item.end, item.exit_code) for item in first.tries] == [
        (1002.0, 1007.0, 137),
        (1012.0, 1018.0, 0),
    ]
    assert (use(first.tries[0]).cpu, use(first.tries[0]).cpu_request, use(first.tries[0]).memory_request) == (
        pytest.approx(1.196),
        2.0,
        1 << 30,
    )
    assert (second.step, second.attempts, second.memory) == ("A (x) #2", 1, 1_300_000_000)


def test_the_same_with_commas_says_the_same() -> None:
    commas = run_of(RAW.replace("\t", ","), "rna.csv")
    assert commas == run_of(RAW, "rna.tsv")


@pytest.mark.parametrize("value", ["-", "", "?", "-5", "1e400", "9" * 40, "NaN", "1.5 XB"])
@pytest.mark.parametrize("column", ["realtime", "peak_rss", "%cpu", "start", "exit", "memory", "attempt"])
def test_figures_that_are_none_are_unknown(column: str, value: str) -> None:
    head, row, *_ = RAW.splitlines()
    cells = dict(zip(head.split("\t"), row.split("\t"), strict=True)) | {column: value}
    (step,) = run_of(f"{head}\n" + "\t".join(cells.values()), "t.tsv").steps
    (attempt,) = step.tries
    named = {
        "realtime": attempt.end,
        "peak_rss": use(attempt).memory,
        "%cpu": use(attempt).cpu,
        "exit": attempt.exit_code,
    }
    assert named.get(column) is None
    if column == "start":
        assert attempt.start == 1000.0  # when it was submitted


@pytest.mark.parametrize("line", ["A\tx", "A\t\x1b[2J" + "\t-" * 14, "\t".join("a" * 17)])
def test_a_line_that_is_none_is_refused_with_its_number(line: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        run_of(f"{RAW}{line}\n", "t.tsv")
    assert (caught.value.file, caught.value.line) == ("t.tsv", 5)


def test_a_trace_without_tasks_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no tasks"):
        run_of(RAW.splitlines()[0], "t.tsv")


def test_other_tables_are_no_traces() -> None:
    assert runs_in_document(read(b"a,b\n1,2\n", "t.csv").documents[0]) == []


@pytest.mark.parametrize("name", ["nf-core-eager", "nf-core-mag", "nf-core-rnaseq"])
def test_published_traces_are_read_whole(name: str) -> None:
    path = Path(SHARED, "corpus", "usage", f"{name}.csv")
    if not path.is_file():
        pytest.skip("needs corpus/usage in the shared folder; COULER_SHARED says where that is")
    run = run_of(path.read_text(), str(path))
    rows = len(path.read_text().splitlines()) - 1
    tries = [attempt for step in run.steps for attempt in step.tries]
    assert (run.family, len(tries)) == (name, rows)
    assert sum(use(attempt).memory is not None for attempt in tries) > 0.9 * rows
    assert all(attempt.seconds is not None for attempt in tries)
