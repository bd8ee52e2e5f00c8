"""Tasks: those of objects, and those that are written where they are called.

Source: `pkg/apis/pipeline/v1/task_validation.go`.
"""

from __future__ import annotations

from typing import Any

from couler_plugins.documents import Path
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.lint.names import RENAME, check_once
from couler_tekton.lint.parameters import (
    check_arrays,
    check_declared,
    check_names,
    check_results,
    check_unique,
    check_usage,
    check_variable,
    declared,
    step_texts,
)
from couler_tekton.lint.steps import check_sidecar, check_step, clean, merged
from couler_tekton.lint.whens import check_whens

Mapped = dict[str, Any]
CONTEXT = {r"context\.taskRun": ("name", "namespace", "uid"), r"context\.task": ("name", "retry-count")}


def steps_of(spec: Mapped, path: Path) -> list[tuple[Mapped, Path]]:
    """The steps of a task, completed by its step template, with their places."""
    template = spec.get("stepTemplate") or {}
    steps = enumerate(spec.get("steps") or ())
    return [(merged(step, template), (*path, "steps", number)) for number, step in steps]


def check_task_object(spec: Mapped, path: Path, report: Report) -> None:
    """A Task: whoever refers to it hands nothing down, so it declares all that it uses."""
    check_task(spec, path, report)
    check_usage(steps_of(spec, path), declared(spec.get("params") or (), (*path, "params")), report)


def check_task(spec: Mapped, path: Path, report: Report) -> None:
    """What holds for every task."""
    steps = steps_of(spec, path)
    params = declared(spec.get("params") or (), (*path, "params"))
    if not steps:
        report.error("missing-field", path, "the task has no steps", "add one")
    check_once(spec.get("volumes"), (*path, "volumes"), "volumes", report, RENAME)
    _check_workspaces(spec, path, report)
    _check_workspace_uses(spec, path, report)
    _check_steps(steps, report)
    for number, sidecar in enumerate(spec.get("sidecars") or ()):
        check_sidecar(sidecar, (*path, "sidecars", number), report)
    check_declared(params, report)
    check_unique(params, report)
    check_names(params, report)
    check_arrays(steps, params, report)
    names = {result.get("name") or "" for result in spec.get("results") or ()}
    for step, place in steps:
        for text, where, _ in step_texts(step, place):
            for prefix, existing in CONTEXT.items():
                check_variable(text, where, prefix, existing, report, "variable")
        check_variable(step.get("script") or "", (*place, "script"), "results", names, report, "result")
    check_results(spec, path, report)


def _check_steps(steps: list[tuple[Mapped, Path]], report: Report) -> None:
    seen: set[str] = set()
    for step, path in steps:
        name = step.get("name") or ""
        if name and name in seen:
            report.error("duplicate-name", (*path, "name"), f"two steps are called {name!r}", "rename one of them")
        seen.add(name)
        check_step(step, path, report)
        check_whens(step, path, report)
        if step.get("results") is not None:
            own = {result.get("name") or "" for result in step["results"]}
            check_variable(step.get("script") or "", (*path, "script"), "step.results", own, report, "result")
            check_results(step, path, report)


def _check_workspaces(spec: Mapped, path: Path, report: Report) -> None:
    """The names of workspaces, and where they are mounted."""
    holders = [*(spec.get("steps") or ()), spec.get("stepTemplate") or {}]
    paths = {clean(mount.get("mountPath") or "") for holder in holders for mount in holder.get("volumeMounts") or ()}
    path = (*path, "workspaces")
    check_once(spec.get("workspaces"), path, "workspaces", report, RENAME)
    for number, workspace in enumerate(spec.get("workspaces") or ()):
        mounted = clean(workspace.get("mountPath") or f"/workspace/{workspace.get('name') or ''}")
        if mounted in paths:
            report.error(
                "workspace", (*path, number), f"something else is mounted at {mounted}", "give it another mountPath"
            )
        paths.add(mounted)


def _check_workspace_uses(spec: Mapped, path: Path, report: Report) -> None:
    """That steps and sidecars use workspaces that the task declares."""
    names = {workspace.get("name") or "" for workspace in spec.get("workspaces") or ()}
    for key in ("steps", "sidecars"):
        for number, item in enumerate(spec.get(key) or ()):
            for index, use in enumerate(item.get("workspaces") or ()):
                name = use.get("name") or ""
                if name not in names:
                    place = (*path, key, number, "workspaces", index)
                    hint = report.meant(name, names, "declare it in the task")
                    report.error("unknown-workspace", place, f"the task declares no workspace {name!r}", hint)
