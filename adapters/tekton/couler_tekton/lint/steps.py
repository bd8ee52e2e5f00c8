"""Steps and sidecars of a task, and StepActions.

Source: `pkg/apis/pipeline/v1beta1/stepaction_validation.go`.

Tasks: those of objects, and those that are written where they are called.

Source: `pkg/apis/pipeline/v1/task_validation.go`.

When expressions, of tasks and of steps.

Source: `pkg/apis/pipeline/v1/when_validation.go`. CEL is looked at by Tekton's own compiler only.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from couler_plugins.documents import Mapped, Path
from couler_plugins.engine_kit.durations import go_seconds
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.feature_gates import ARTIFACT
from couler_tekton.lint.names import RENAME, check_once, check_reference, is_label
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
from couler_tekton.lint.texts import mentions

OPERATORS = ("in", "notin")


def check_whens(holder: dict[str, Any], path: Path, report: Report) -> None:
    """The `when` of a task or a step."""
    for number, item in enumerate(holder.get("when") or ()):
        _check(item, (*path, "when", number), report)


def _check(item: dict[str, Any], path: Path, report: Report) -> None:
    if item.get("cel"):
        if item.get("input") or item.get("operator") or item.get("values"):
            message, hint = "cel stands beside input, operator or values", "keep one of the two"
            report.error("when", path, message, hint)
        return
    operator = item.get("operator") or ""
    if operator not in OPERATORS:
        message = f"the operator {operator!r} does not exist" if operator else "it has no operator"
        report.error("when", path, message, "use in or notin")
    elif not item.get("values"):
        report.error("when", path, "it has no values", "list what the input may be, or may not be")


STEP_RESULT = re.compile(r"\$\(steps\..*?\.results\..*?\)")
BESIDE_REF = ("image", "command", "args", "script", "workingDir", "env", "volumeMounts", "results")
RESERVED_SIDECAR = "tekton-log-results"
LISTS = {"env": "name", "volumeMounts": "mountPath", "volumeDevices": "devicePath"}
"""Lists of a container that are merged item by item, and by what."""


def merged(step: Mapped, template: Mapped) -> Mapped:
    """A step with what the step template of its task says of all of them; one that refers to a StepAction as it is."""
    if step.get("ref") is not None or not template:
        return step
    whole = {**template, **{key: content for key, content in step.items() if content not in (None, "", [])}}
    for key, by in LISTS.items():
        own = step.get(key) or []
        names = {item.get(by) for item in own}
        if inherited := [item for item in template.get(key) or [] if item.get(by) not in names]:
            whole[key] = [*own, *inherited]
    return whole


def check_step(step: Mapped, path: Path, report: Report) -> None:
    """One step, completed by the step template of its task."""
    if step.get("ref") is not None:
        check_reference(step["ref"], (*path, "ref"), report)
        for key in BESIDE_REF:
            if step.get(key) or (key == "env" and step.get(key) is not None):
                hint = "leave it to the StepAction"
                report.error("beside-reference", (*path, key), f"{key} stands beside a reference to a StepAction", hint)
    else:
        if step.get("params"):
            hint = "refer to a StepAction, or use the parameters of the task"
            report.error("step-params", (*path, "params"), "a step without a StepAction has params", hint)
        check_program(step, path, report)
    name = step.get("name")
    if name and not is_label(name):
        hint = "use at most 63 lower-case letters, digits and -"
        report.error("invalid-name", (*path, "name"), f"{name!r} is no name for a step", hint)
    if (go_seconds(step.get("timeout") or "") or 0) < 0:
        report.error("timeout", (*path, "timeout"), "the timeout is negative", "leave it out for none")
    for number, mount in enumerate(step.get("volumeMounts") or ()):
        _check_mount(mount, (*path, "volumeMounts", number), report)
    check_on_error(step, path, "step", report)
    for text, place in _fixed(step, path):
        if STEP_RESULT.search(text):
            message = "a result of a step is read where Tekton does not fill it in"
            report.error("step-result", place, message, "read it in env, command or args")
        if place[-1] != "script" and ARTIFACT.search(text):
            message = "an artifact is read where Tekton does not fill it in"
            report.error("step-result", place, message, "read it in env, command, args or script")


def check_program(item: Mapped, path: Path, report: Report) -> None:
    """What a container runs."""
    if not item.get("image"):
        report.error("missing-field", path, "it has no image", "name one")
    if item.get("script") and item.get("command"):
        report.error("script-and-command", (*path, "script"), "a script stands beside a command", "keep one of the two")


def check_on_error(holder: Mapped, path: Path, what: str, report: Report) -> None:
    """The `onError` of a step or a task."""
    on_error = holder.get("onError") or ""
    if on_error and not on_error.startswith("$(params") and on_error not in ("continue", "stopAndFail"):
        message = f"the {what} has the onError {on_error!r}"
        report.error("on-error", (*path, "onError"), message, "use continue or stopAndFail")


def _check_mount(mount: Mapped, path: Path, report: Report) -> None:
    place = clean(mount.get("mountPath") or "")
    if place.startswith("/tekton/") and not place.startswith("/tekton/home"):
        report.error("volume-mount", (*path, "mountPath"), f"{place} is Tekton's own", "mount it somewhere else")
    if (mount.get("name") or "").startswith("tekton-internal-"):
        report.error("volume-mount", (*path, "name"), "volumes of that name are Tekton's own", "mount another one")


def clean(path: str) -> str:
    """A path as Go's `filepath.Clean` leaves it."""
    return "/" + posixpath.normpath(path).lstrip("/") if path.startswith("/") else posixpath.normpath(path or ".")


def _fixed(step: Mapped, path: Path) -> Iterator[tuple[str, Path]]:
    """The texts of a step that Tekton fills in before any of its steps runs."""
    for key in ("name", "image", "script", "imagePullPolicy", "workingDir"):
        yield step.get(key) or "", (*path, key)
    lists = {"volumeMounts": ("name", "mountPath", "subPath"), "volumeDevices": ("name", "devicePath")}
    for key, names in {**lists, "envFrom": ("prefix",)}.items():
        for number, item in enumerate(step.get(key) or ()):
            for name in names:
                yield str(item.get(name) or ""), (*path, key, number, name)
    for number, item in enumerate(step.get("envFrom") or ()):
        for source in ("configMapRef", "secretRef"):
            content = item.get(source)
            text = content.get("name") if isinstance(content, dict) else None
            yield str(text or ""), (*path, "envFrom", number, source)


def check_sidecar(sidecar: Mapped, path: Path, report: Report) -> None:
    """One sidecar."""
    if sidecar.get("name") == RESERVED_SIDECAR:
        report.error("invalid-name", (*path, "name"), f"{RESERVED_SIDECAR} is Tekton's own sidecar", "rename it")
    check_program(sidecar, path, report)


TEXTS = partial(step_texts, keys=("image", "script"), of_mounts=("name",))
"""The texts of a StepAction that parameters may stand in."""


def check_step_action(spec: Mapped, path: Path, report: Report) -> None:
    """A StepAction: it declares all that it uses, and its script uses no parameters."""
    params = declared(spec.get("params") or (), (*path, "params"))
    check_program(spec, path, report)
    script = spec.get("script") or ""
    if mentions(script, "params"):
        message = "the script of a StepAction reads a parameter"
        report.error("script-params", (*path, "script"), message, "pass it by an environment variable")
    steps = [(spec, path)]
    check_usage(steps, params, report, TEXTS)
    check_declared([param._replace(enum=()) for param in params], report)
    check_unique(params, report)
    check_names(params, report)
    check_arrays(steps, params, report, TEXTS)
    names = {result.get("name") or "" for result in spec.get("results") or ()}
    for prefix in ("step.results", "results"):
        check_variable(script, (*path, "script"), prefix, names, report, "result")
    check_results(spec, path, report)
    existing = {param.name for param in params}
    for number, mount in enumerate(spec.get("volumeMounts") or ()):
        name, place = mount.get("name") or "", (*path, "volumeMounts", number, "name")
        if mentions(name, "params") != [name]:
            message = f"{name!r} is not the name of a volume that its user chooses"
            report.error("volume-mount", place, message, "write $(params.NAME)")
            return
        check_variable(name, place, "params", existing, report)


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
