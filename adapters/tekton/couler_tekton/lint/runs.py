"""Checks of PipelineRuns and TaskRuns: their timeouts, parameters, workspaces, resources and status.

Source: `pkg/apis/pipeline/v1` (`pipelinerun_validation.go`, `taskrun_validation.go`, `workspace_validation.go`).
"""

from __future__ import annotations

from typing import Any

from couler_plugins.documents import Mapped, Path
from couler_plugins.engine_kit.durations import go_seconds
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.lint.names import check_bound_once, check_once, check_reference, repeats
from couler_tekton.lint.parameters import check_arrays, check_declared, check_names, check_usage
from couler_tekton.lint.passing import check_passing, handed_to_pipeline, handed_to_task
from couler_tekton.lint.pipelines import check_pipeline, tasks_of
from couler_tekton.lint.steps import check_task, steps_of
from couler_tekton.lint.texts import expressions, is_result, result_refs, values

# Timeouts of a PipelineRun: those of its parts fit into that of the whole.
#
# Source: `pkg/apis/pipeline/v1/pipelinerun_validation.go`; the default is that of a cluster as it is installed
# (`default-timeout-minutes`).

HOUR = 3600.0
"""How long a run may take that says nothing of it."""


def check_timeouts(spec: dict[str, Any], path: Path, report: Report) -> None:
    """The timeouts of a PipelineRun, and those of single tasks in it; 0 stands for none."""
    timeouts = spec.get("timeouts") or {}
    seconds_of = {
        key: go_seconds(timeouts[key]) or 0.0
        for key in ("tasks", "finally", "pipeline")
        if timeouts.get(key) is not None
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
            _check_task(go_seconds(item["timeout"]) or 0.0, limit, (*path, "taskRunSpecs", number, "timeout"), report)


def _check_task(value: float, limit: float, path: Path, report: Report) -> None:
    if value < 0 or limit < 0:
        report.error("timeout", path, "the timeout is negative, or that of the run is", "use 0 for none")
    elif limit and value > limit:
        message = "the timeout of the task is longer than the run's"
        report.error("timeout", path, message, "make it shorter, or the one of the run longer")


VOLUMES = {
    "volumeClaimTemplate": "",
    "persistentVolumeClaim": "claimName",
    "emptyDir": "",
    "configMap": "name",
    "secret": "secretName",
    "projected": "sources",
    "csi": "driver",
}
"""What a workspace can be, and what that cannot do without."""
STATUSES = {
    "PipelineRun": ("Cancelled", "CancelledRunFinally", "StoppedRunFinally", "PipelineRunPending"),
    "TaskRun": ("TaskRunCancelled", "TaskRunPending"),
}


def check_pipeline_run(spec: Mapped, path: Path, report: Report) -> None:
    """A PipelineRun."""
    _check_callee(spec, path, "pipeline", report)
    inner = (*path, "pipelineSpec")
    pipeline = spec.get("pipelineSpec")
    if pipeline is not None:
        check_pipeline(pipeline, inner, report)
        _check_handed_to_pipeline(spec, path, report)
    check_once(spec.get("params"), (*path, "params"), "parameters", report, fold=True)
    for number, param in enumerate(spec.get("params") or ()):
        expressions_read = [one for text in values(param.get("value")) for one in expressions(text) if is_result(one)]
        if result_refs(expressions_read):
            place = (*path, "params", number, "value")
            report.error("parameter-use", place, "a run cannot be given results of its tasks", "pass a value")
    check_timeouts(spec, path, report)
    for number, item in enumerate(spec.get("taskRunSpecs") or ()):
        _check_resources(item, (*path, "taskRunSpecs", number), report)
    _check_status(spec, path, "PipelineRun", report)
    _check_bindings(spec, path, report, fold=False)


def check_task_run(spec: Mapped, path: Path, report: Report) -> None:
    """A TaskRun."""
    _check_callee(spec, path, "task", report)
    task, inner = spec.get("taskSpec"), (*path, "taskSpec")
    if task is not None:
        check_task(task, inner, report)
        if task.get("steps") is not None:
            params = handed_to_task(spec, path, report)
            check_declared(params, report)
            check_names(params, report)
            check_arrays(steps_of(task, inner), params, report)
            check_usage(steps_of(task, inner), params, report)
    check_once(spec.get("params"), (*path, "params"), "parameters", report, fold=True)
    _check_bindings(spec, path, report, fold=True)
    _check_debug(spec, path, report)
    _check_resources(spec, path, report)
    _check_status(spec, path, "TaskRun", report)
    if spec.get("statusMessage") and not spec.get("status"):
        report.error("status", (*path, "statusMessage"), "a message without a status", "leave it out")
    if (spec.get("retries") or 0) < 0:
        report.error("retries", (*path, "retries"), "the number of retries is negative", "leave it out for none")
    if (spec.get("timeout") or "").startswith("-") and spec["timeout"] != "-0":
        report.error("timeout", (*path, "timeout"), "the timeout is negative", "use 0 for none")


def _check_callee(spec: Mapped, path: Path, what: str, report: Report) -> None:
    reference, body = spec.get(f"{what}Ref"), spec.get(f"{what}Spec")
    if reference is None and body is None:
        report.error("no-call", path, "it runs nothing", f"give it a {what}Ref or a {what}Spec")
    if reference is not None and body is not None:
        message, hint = f"{what}Ref stands beside {what}Spec", "keep one of the two"
        report.error("several-calls", (*path, f"{what}Ref"), message, hint)
    if reference is not None:
        check_reference(reference, (*path, f"{what}Ref"), report)


def _check_handed_to_pipeline(spec: Mapped, path: Path, report: Report) -> None:
    """The parameters of a run, which its pipeline and all tasks that are written in it can use."""
    params = handed_to_pipeline(spec, path, report)
    tasks = tasks_of(spec["pipelineSpec"], (*path, "pipelineSpec"))
    if spec["pipelineSpec"].get("tasks") is None:
        return
    for task, place in tasks:
        body = task.get("taskSpec") or {}
        if body.get("steps") is not None:
            steps = steps_of(body, (*place, "taskSpec"))
            check_names(params, report)
            check_arrays(steps, params, report)
            check_usage(steps, params, report)
    check_declared(params, report)
    check_passing(tasks, params, report)


def _check_bindings(spec: Mapped, path: Path, report: Report, fold: bool) -> None:
    """The workspaces that a run is given; `fold` where names that differ in case are one."""
    bindings = spec.get("workspaces") or ()
    for number, binding in enumerate(bindings):
        _check_binding(binding, (*path, "workspaces", number), report)
    if fold:
        check_once(bindings, (*path, "workspaces"), "workspaces", report, fold=True)
    else:
        check_bound_once(bindings, (*path, "workspaces"), report)


def _check_binding(binding: Mapped, path: Path, report: Report) -> None:
    kinds = [key for key in VOLUMES if binding.get(key) is not None]
    if len(kinds) != 1:
        what = f"{' and '.join(kinds)} stand side by side" if kinds else "the workspace is given no volume"
        report.error("workspace", path, what, f"give it one of {', '.join(VOLUMES)}")
        return
    needed = VOLUMES[kinds[0]]
    if needed and not binding[kinds[0]].get(needed):
        report.error("workspace", (*path, kinds[0]), f"{kinds[0]} has no {needed}", "add it")


def _check_debug(spec: Mapped, path: Path, report: Report) -> None:
    points = (spec.get("debug") or {}).get("breakpoints")
    if points is None:
        return
    place = (*path, "debug", "breakpoints")
    if points.get("onFailure") != "enabled":
        report.error("debug", place, "onFailure is not enabled", "write onFailure: enabled, or leave debug out")
    if any(repeats(points.get("beforeSteps") or ())):
        report.error("debug", (*place, "beforeSteps"), "a step is named twice", "keep one of them")


def _check_resources(holder: Mapped, path: Path, report: Report) -> None:
    """Resources of steps and sidecars, by their names, or of the whole pod."""
    for key in ("stepSpecs", "sidecarSpecs"):
        items = holder.get(key) or ()
        for number, item in enumerate(items):
            if not item.get("name"):
                report.error("missing-field", (*path, key, number), "it names no step or sidecar", "name it")
        check_once([item for item in items if item.get("name")], (*path, key), "of these", report, fold=True)
    if holder.get("computeResources") is not None:
        for number, item in enumerate(holder.get("stepSpecs") or ()):
            if any((item.get("computeResources") or {}).values()):
                place = (*path, "stepSpecs", number)
                hint = "keep one of the two"
                report.error("resources", place, "resources of a step stand beside those of the whole pod", hint)


def _check_status(spec: Mapped, path: Path, kind: str, report: Report) -> None:
    status = spec.get("status") or ""
    if status and status not in STATUSES[kind]:
        hint = f"use one of {', '.join(STATUSES[kind])}, or leave it out"
        report.error("status", (*path, "status"), f"a {kind} cannot be asked to be {status!r}", hint)
