"""Failed runs of four engines, recorded: `couler why` names the step that failed first, its causes, and what is idle.

Those of Argo and Tekton are what `recording.py` had the cluster write; those of KFP and Airflow are by hand, in the
form of their APIs.
"""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from cli.conftest import Couler
from why.conftest import RECORDED


class Expected(NamedTuple):
    """What is said of a run.

    Attributes:
        step: that failed first.
        cause_class: of the failure.
        causes: the rows of the table for each attempt.
        idle: the steps that did not run since it failed.
        others: those that failed by themselves.
    """

    step: str
    cause_class: str
    causes: tuple[str, ...]
    idle: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


RUNS = {
    "airflow-sensor-timeout": Expected("train/wait", "timeout", ("sensor-timeout",), idle=("train/load",)),
    "airflow-upstream-failed": Expected(
        "train/fit", "deterministic", ("out-of-memory-in-text", "program-error"), idle=("train/report",)
    ),
    "argo-artifact-absent": Expected("main/load", "deterministic", ("executor-failed",)),
    "argo-evicted-for-disk": Expected("main/work", "resource", ("emptydir-limit",)),
    "argo-evicted": Expected("main/work", "infrastructure", ("node-pressure",), idle=("main/after",)),
    "argo-exit-handler": Expected("main/work", "deterministic", ("program-failed",), others=("tidy",)),
    "argo-exit-in-nested-dag": Expected(
        "main/build/build/test", "deterministic", ("program-failed",), idle=("main/publish",)
    ),
    "argo-image-not-pulled": Expected("main/work", "timeout", ("pod-deadline",)),
    "argo-init-error": Expected("main/load", "deterministic", ("unknown",)),
    "argo-loop": Expected("main/each(1:2)", "deterministic", ("unknown",), idle=("main/after",)),
    "argo-out-of-memory": Expected("main/fit", "resource", ("out-of-memory",), idle=("main/report",)),
    "argo-pod-deleted-gracefully": Expected("main/work", "infrastructure", ("terminated",), idle=("main/after",)),
    "argo-pod-deleted": Expected("main/step", "infrastructure", ("pod-deleted",)),
    "argo-program-absent": Expected("main/work", "deterministic", ("program-not-there",)),
    "argo-quota": Expected("main/make", "throttled", ("quota-exceeded",)),
    "argo-retried": Expected("main/fit", "deterministic", ("out-of-memory", "unknown")),
    "argo-stopped": Expected("main/work", "stopped", ("workflow-shutdown",)),
    "argo-timeout": Expected("main/work", "timeout", ("template-timeout",), idle=("main/after",)),
    "argo-workflow-deadline": Expected("main/work", "timeout", ("workflow-deadline",), idle=("main/after",)),
    "argo-when-wrong": Expected("main/work", "deterministic", ("unknown",)),
    "kfp-retried": Expected(
        "comp-for-loop-1/fit", "deterministic", ("pod-deleted", "program-failed"), idle=("comp-for-loop-1/load-2",)
    ),
    "kfp-task-error": Expected("comp-for-loop-1/fit", "resource", ("out-of-memory",), idle=("comp-for-loop-1/load-2",)),
    "tekton-cancelled": Expected("pipeline/work", "stopped", ("taskrun-cancelled",), idle=("pipeline/after",)),
    "tekton-evicted": Expected("pipeline/work", "infrastructure", ("node-pressure",)),
    "tekton-finally-alone": Expected("pipeline/tidy", "deterministic", ("unknown",)),
    "tekton-finally": Expected(
        "pipeline/work", "deterministic", ("program-failed",), idle=("pipeline/after",), others=("pipeline/tidy",)
    ),
    "tekton-image-not-pulled": Expected("pipeline/work", "infrastructure", ("image-interrupted",)),
    "tekton-out-of-memory": Expected("pipeline/fit", "resource", ("out-of-memory",), idle=("pipeline/report",)),
    "tekton-pod-deleted": Expected("pipeline/work", "infrastructure", ("ended-by-signal",)),
    "tekton-retried": Expected("pipeline/work", "deterministic", ("taskrun-timeout", "unknown")),
    "tekton-timeout": Expected("pipeline/work", "timeout", ("taskrun-timeout",), idle=("pipeline/after",)),
}
"""What an engine does not tell cannot be told: Argo says nothing of an image behind a `timeout`, and Tekton's
entrypoint ends with 255 where a signal has ended its program."""


def test_each_recorded_run_is_expected() -> None:
    assert {path.stem for path in RECORDED.iterdir()} == set(RUNS)


@pytest.mark.parametrize("name", RUNS)
def test_the_right_step_and_cause_are_named(why: Couler, name: str) -> None:
    expected = RUNS[name]
    result = why(str(RECORDED / f"{name}.json"), "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    said = json.loads(result.stdout)
    causes = tuple(attempt["cause"]["name"] for attempt in said["attempts"])
    assert Expected(
        said["step"],
        said["cause"]["class"],
        causes,
        tuple(said["did_not_run"]),
        tuple(other["step"] for other in said["others"]),
    ) == Expected(*expected)
    assert said["cause"]["name"] == causes[-1]
    assert said["cause"]["source"]
    assert said["help"]
    assert said["run"]["engine"] == name.partition("-")[0]


@pytest.mark.parametrize("name", RUNS)
def test_people_read_the_same_in_a_few_lines(why: Couler, name: str) -> None:
    lines = why(str(RECORDED / f"{name}.json")).stdout.splitlines()
    assert lines[0].startswith(f"{RUNS[name].step} failed")
    assert f"({RUNS[name].cause_class})" in lines[0]
    assert len(lines) <= 12
