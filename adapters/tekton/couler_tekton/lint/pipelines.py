"""Pipelines: those of objects, and those that are written where they are run.

Source: `pkg/apis/pipeline/v1/pipeline_validation.go`.
"""

from __future__ import annotations

from couler_plugins.documents import Mapped, Path
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.lint.graphs import (
    check_consumers,
    check_context,
    check_final,
    check_graph,
    check_nested_results,
    check_pipeline_results,
    check_roots,
    check_statuses,
)
from couler_tekton.lint.names import RENAME, check_bound_once, check_once, check_reference, is_label
from couler_tekton.lint.parameters import check_declared, check_unique, check_usage, declared
from couler_tekton.lint.passing import check_matrix, check_passing
from couler_tekton.lint.steps import check_on_error, check_task, check_whens, steps_of

Tasks = list[tuple[Mapped, Path]]
GONE = "ClusterTask"
CALLS = ("taskRef", "taskSpec", "pipelineRef", "pipelineSpec")


def tasks_of(spec: Mapped, path: Path, key: str = "tasks") -> Tasks:
    """The tasks, or the final tasks, of a pipeline, with their places."""
    return [(task, (*path, key, number)) for number, task in enumerate(spec.get(key) or ())]


def check_pipeline_object(spec: Mapped, path: Path, report: Report) -> None:
    """A Pipeline: whoever refers to it hands nothing down, so it declares all that it uses."""
    check_pipeline(spec, path, report)
    params = declared(spec.get("params") or (), (*path, "params"))
    names = {workspace.get("name") or "" for workspace in spec.get("workspaces") or ()}
    for key in ("tasks", "finally"):
        tasks = tasks_of(spec, path, key)
        for task, place in tasks:
            if task.get("taskSpec") is not None:
                inner = (*place, "taskSpec")
                own = declared(task["taskSpec"].get("params") or (), (*inner, "params"))
                check_usage(steps_of(task["taskSpec"], inner), [*own, *params], report)
            check_bindings(task, place, names, report)
        check_passing(tasks, params, report)


def check_pipeline(spec: Mapped, path: Path, report: Report) -> None:
    """What holds for every pipeline."""
    tasks, final = tasks_of(spec, path), tasks_of(spec, path, "finally")
    params = declared(spec.get("params") or (), (*path, "params"))
    if not any(spec.get(key) for key in ("description", "displayName", "params", "tasks", "workspaces", "results")):
        report.error("missing-field", path, "the pipeline has no tasks", "add one")
    if final and not tasks:
        report.error("finally", (*path, "finally"), "there are final tasks, and no others", "move one to tasks")
    seen: set[str] = set()
    for task, place in (*tasks, *final):
        _check_task(task, place, seen, report)
    check_graph(tasks, report)
    check_declared(params, report)
    check_unique(params, report)
    for group in (tasks, final):
        check_context(group, report)
        check_roots(group, report)
        check_consumers(group, report)
    check_statuses(tasks, final, report)
    _check_workspaces(spec, path, report)
    check_pipeline_results(spec, path, tasks, final, report)
    check_nested_results(tasks, final, report)
    check_final(tasks, final, report)


def _check_task(task: Mapped, path: Path, seen: set[str], report: Report) -> None:
    """One task by itself."""
    name = task.get("name") or ""
    if not is_label(name):
        hint = "use at most 63 lower-case letters, digits and -"
        report.error("invalid-name", (*path, "name"), f"{name!r} is no name for a task", hint)
    if name in seen:
        report.error("duplicate-name", (*path, "name"), f"two tasks are called {name!r}", "rename one of them")
    seen.add(name)
    keys = [key for key in CALLS if task.get(key) is not None]
    if len(keys) != 1:
        what = f"{' and '.join(keys)} stand side by side" if keys else f"the task {name!r} runs nothing"
        report.error("no-call" if not keys else "several-calls", path, what, "give it one of taskRef and taskSpec")
    check_on_error(task, path, "task", report)
    if task.get("onError") == "continue" and (task.get("retries") or 0) > 0:
        report.error("on-error", (*path, "onError"), "onError: continue stands beside retries", "keep one of the two")
    _check_callee(task, path, report)
    check_once(task.get("params"), (*path, "params"), "parameters", report)
    check_whens(task, path, report)
    check_matrix(task, path, report)


def _check_callee(task: Mapped, path: Path, report: Report) -> None:
    spec = task.get("taskSpec")
    if spec is not None and spec.get("steps"):
        for key in ("apiVersion", "kind"):
            if spec.get(key):
                message = f"{key} stands beside steps"
                report.error("custom-task", (*path, "taskSpec", key), message, "keep one of the two")
    if is_custom(spec) or is_custom(task.get("taskRef")):
        _check_custom(task, path, report)
        return
    checks = {"taskSpec": check_task, "taskRef": check_reference}
    checks |= {"pipelineRef": check_reference, "pipelineSpec": check_pipeline}
    for key, check in checks.items():
        if task.get(key) is not None:
            check(task[key], (*path, key), report)


def is_custom(callee: Mapped | None) -> bool:
    """Whether this is run by a controller other than Tekton's own."""
    return callee is not None and ((callee.get("kind") or "Task") != "Task" or bool(callee.get("apiVersion")))


def _check_custom(task: Mapped, path: Path, report: Report) -> None:
    for key in ("taskRef", "taskSpec"):
        callee = task.get(key)
        if callee is None:
            continue
        kind = callee.get("kind") or ("Task" if key == "taskRef" and not callee.get("resolver") else "")
        if not kind:
            report.error("custom-task", (*path, key), "a custom task has no kind", "name its kind")
        if kind == GONE and not callee.get("apiVersion"):
            message, hint = f"Tekton has no {GONE}s any more", "make it a Task, or use the resolver `cluster`"
            report.error("custom-task", (*path, key), message, hint)
            continue
        parts = (callee.get("apiVersion") or "").split("/")
        if len(parts) != 2 or not all(parts):
            message = (
                "a custom task has no apiVersion"
                if parts == [""]
                else f"its apiVersion {callee.get('apiVersion')!r} has no group or no version"
            )
            report.error("custom-task", (*path, key), message, "write it as GROUP/VERSION")


def _check_workspaces(spec: Mapped, path: Path, report: Report) -> None:
    path = (*path, "workspaces")
    for number, workspace in enumerate(spec.get("workspaces") or ()):
        if not workspace.get("name"):
            report.error("missing-field", (*path, number), "a workspace has no name", "name it")
    check_once(spec.get("workspaces"), path, "workspaces", report, RENAME)


def check_bindings(task: Mapped, path: Path, names: set[str], report: Report) -> None:
    """That a task uses workspaces of its pipeline, and each of its own once."""
    path = (*path, "workspaces")
    check_bound_once(task.get("workspaces"), path, report)
    for number, use in enumerate(task.get("workspaces") or ()):
        wanted = use.get("workspace") or use.get("name") or ""
        if wanted not in names:
            hint = report.meant(wanted, names, "declare it in the pipeline")
            report.error("unknown-workspace", (*path, number), f"the pipeline declares no workspace {wanted!r}", hint)
