"""Reports on runs: those of parts, of other versions of an engine, and with names and times that are odd."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

import argo_histories
from couler_argo.history import run_of
from couler_plugins.comparison.report import Comparison, report_on
from couler_plugins.comparison.versions import versions_in
from couler_plugins.runs import Attempt, Run, StepRun

DAY = 86_400.0


def past(number: int, version: int = 0, *, seconds: float = 60.0, **more: Any) -> Run:
    start = DAY * (number + 1)
    tries = (Attempt(start=start, end=start + seconds, succeeded=True),)
    step = StepRun(step="main/a", type="a", spec="s", key="k", seconds=seconds, tries=tries)
    layers = {"workflow": "w", "guard": f"{int(version)}"}
    base: dict[str, Any] = {
        "family": "nightly",
        "engine": "argo",
        "layers": layers,
        "steps": (step,),
        "at": start + seconds,
    }
    return Run(**(base | more))


def compared(runs: Iterable[Run], at: float | None = None) -> list[Comparison]:
    return [*report_on(versions_in(runs, at)).comparisons]


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        (("v1", "v2"), "the engine changed as well: v1 before, v2 after"),
        (("v1", ""), "the history does not say whether the engine's version changed"),
        (("v1", "v1"), ""),
    ],
)
def test_another_version_of_the_engine_is_said(versions: tuple[str, str], said: str) -> None:
    runs = [past(number, number > 5, engine_version=versions[number > 5]) for number in range(12)]
    (one,) = compared(runs)
    assert [text for text in one.caveats if "engine" in text] == ([said] if said else [])


def test_steps_of_parts_count_to_the_run_of_the_whole() -> None:
    whole = argo_histories.workflow(1, argo_histories.spec(), {"fetch": 60, "train": 600})
    part = argo_histories.workflow(2, argo_histories.spec(), {"fetch": 10}, family="nightly-part-1")
    part["metadata"]["labels"] = {"couler.io/run": whole["metadata"]["uid"]}
    runs = [run for thing in (part, whole) if (run := run_of(thing)) is not None]
    assert [run.part_of for run in runs] == [whole["metadata"]["uid"], ""]
    (one,) = versions_in(runs)
    assert (one.workflow, one.runs) == ("nightly", 1)
    (alone,) = versions_in(runs[:1])
    assert (alone.workflow, alone.runs) == ("nightly-part-1", 1)
    both = [*runs, past(9, family="nightly", uid="x")]
    (change,) = versions_in(both)[0].changes
    assert len(change.after[0].steps) == 3


def test_workflows_of_one_name_on_two_engines_are_apart() -> None:
    runs = [past(number, number > 5, engine=engine) for number in range(12) for engine in ("argo", "kfp")]
    assert [(one.engine, one.runs_before, one.runs_after) for one in compared(runs)] == [("argo", 6, 6), ("kfp", 6, 6)]


def test_runs_that_go_on_and_runs_without_times_or_steps_break_nothing() -> None:
    bare = StepRun(step="main/a", type="a", spec="s", key="k")
    runs = [past(number, number > 5, steps=(bare,), at=0.0) for number in range(12)]
    runs += [past(20, 1, running=True), past(21, 1, steps=()), past(22, 1, seconds=0.0)]
    (one,) = compared(runs)
    assert (one.runs_before, one.runs_after) == (6, 8)
    assert not any(figure.effect.is_change for figure in one.figures)


def test_a_time_in_the_future_leaves_nothing_to_compare() -> None:
    result = report_on(versions_in([past(number) for number in range(6)], DAY * 1000))
    assert result.comparisons == ()
    assert "all runs are on one side" in result.gaps[0].reason
