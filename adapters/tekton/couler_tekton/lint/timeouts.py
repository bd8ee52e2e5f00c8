"""Timeouts of a PipelineRun: those of its parts fit into that of the whole.

Source: `pkg/apis/pipeline/v1/pipelinerun_validation.go`; the default is that of a cluster as it is installed
(`default-timeout-minutes`).
"""

from __future__ import annotations

from typing import Any

from couler_plugins.documents import Path
from couler_tekton.lint.durations import seconds
from couler_tekton.lint.report import Report

__all__ = ["check_timeouts"]

HOUR = 3600.0
"""How long a run may take that says nothing of it."""


def check_timeouts(spec: dict[str, Any], path: Path, report: Report) -> None:
    """The timeouts of a PipelineRun, and those of single tasks in it; 0 stands for none."""
    timeouts = spec.get("timeouts") or {}
    seconds_of = {
        key: seconds(timeouts[key]) or 0.0 for key in ("tasks", "finally", "pipeline") if timeouts.get(key) is not None
    }
    place = (*path, "timeouts")
    for key, value in seconds_of.items():
        if value < 0:
            report.error("timeout", (*place, key), f"the timeout {timeouts[key]} is negative", "use 0 for none")
    whole = seconds_of.get("pipeline", HOUR)
    for key in ("tasks", "finally"):
        if key in seconds_of and whole and (seconds_of[key] > whole or seconds_of[key] == 0):
            message = f"the timeout of {key} is longer than that of the whole run"
            report.error("timeout", (*place, key), message, "make it shorter, or the one of the pipeline longer")
    if {"tasks", "finally"} <= seconds_of.keys() and seconds_of["tasks"] + seconds_of["finally"] > whole:
        message = "the timeouts of tasks and finally together are longer than that of the whole run"
        report.error("timeout", (*place, "tasks"), message, "make one of them shorter")
    for number, item in enumerate(spec.get("taskRunSpecs") or ()):
        if item.get("timeout") is not None:
            limit = seconds_of.get("tasks", whole)
            _check_task(seconds(item["timeout"]) or 0.0, limit, (*path, "taskRunSpecs", number, "timeout"), report)


def _check_task(value: float, limit: float, path: Path, report: Report) -> None:
    if value < 0 or limit < 0:
        report.error("timeout", path, "the timeout is negative, or that of the run is", "use 0 for none")
    elif limit and value > limit:
        message = "the timeout of the task is longer than the run's"
        report.error("timeout", path, message, "make it shorter, or the one of the run longer")
