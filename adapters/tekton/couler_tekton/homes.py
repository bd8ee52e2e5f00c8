"""Where Tekton keeps the settings of steps: at the task of a pipeline, in what it runs, or in the object around both.

Sources: `pkg/apis/pipeline/v1` (PipelineTask, TaskSpec, TaskRunSpec, PipelineTaskRunSpec); `docs/labels.md` (labels of
Tasks and runs reach their pods); `docs/stepactions.md`.
"""

from __future__ import annotations

import math
from collections.abc import Callable as Function
from collections.abc import Iterable
from dataclasses import replace as with_fields
from typing import Any

from couler_plugins.ir import (
    CallSite,
    Container,
    Dynamic,
    EnvVar,
    External,
    Home,
    Homes,
    Literal,
    Operation,
    Reference,
    Retry,
    Value,
    Workflow,
    replace,
)
from couler_plugins.ir.settings import PAIRS, Pairs
from couler_tekton.caching.declared import entries, held, rest_of
from couler_tekton.containers import read_container
from couler_tekton.mappings import Mapped, without
from couler_tekton.structures import structure
from couler_tekton.tasks import write_retry
from couler_tekton.variables import Scope, scope_in, spell, write_value

__all__ = ["HOMES"]

SPECS = "taskRunSpecs"
PIPELINE = Home(at="none", note="it runs a pipeline, whose tasks can have it")
ONCE = Home(at="none", note="Tekton has no retries beside onError: continue")
ACTION = Home(at="none", note="a StepAction is a part of a Task, which can have it")
ELSEWHERE = Home(at="none", note="what it runs is in another object; of these, PipelineRuns say it (taskRunSpecs)")
OF_RUNS = Home(at="none", note="only runs say it, a PipelineRun in taskRunSpecs and a TaskRun in podTemplate")


def _value(setting: str, data: Any) -> Any:
    """Return a setting as optimizers see it, of what a field of Tekton's holds."""
    if setting in PAIRS:
        items = data.items() if isinstance(data, dict) else ()
        return tuple((name, Scope().value(content)) for name, content in items)
    if data is None:
        return None
    return Retry(limit=Literal(value=data)) if setting == "retry" else Scope().value(data)


def _data(setting: str, value: Any) -> Any:
    """Return what a field of Tekton's is to hold."""
    if setting in PAIRS:
        return {name: write_value(content) for name, content in value}
    if value is None:
        return None
    if setting == "retry":
        return write_retry(value, "the TaskRun")
    return write_value(_in_go(value) if setting == "timeout" else value)


def _at(data: Any, path: Iterable[str]) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _with(data: Mapped, path: tuple[str, ...], content: Any) -> Mapped:
    """Return `data` with other content under a path; mappings that it leaves empty go."""
    key, *inner = path
    if inner:
        content = _with(held(data, key), tuple(inner), content)
    return without(data, key) if content in (None, {}) else {**data, key: content}


def _of_object(setting: str, *path: str) -> Home:
    """Return the home of a setting in an object that is about one Task only: a TaskRun, or a Task."""

    def get(workflow: Workflow) -> Function[[CallSite], Any]:
        value = _value(setting, _at(rest_of(workflow), path))
        return lambda site: value

    def put(workflow: Workflow, changes: Iterable[tuple[CallSite, Any]]) -> Workflow:
        data = rest_of(workflow)
        for _, value in changes:
            data = _with(data, path, _data(setting, value))
        return replace(workflow, rest=Scope().rest(data))

    return Home(at="workflow", get=get, put=put)


def _of_run(setting: str, *path: str) -> Home:
    """Return the home of a setting in what a PipelineRun says of one task, which goes before what it says of all."""

    def get(workflow: Workflow) -> Function[[CallSite], Any]:
        spec = held(rest_of(workflow), "spec")
        usual = _at(spec, ("taskRunTemplate", *path))
        own = {item.get("pipelineTaskName"): _at(item, path) for item in entries(spec, SPECS)}

        def read(site: CallSite) -> Any:
            data = own.get(site.step.name)
            return _value(setting, usual if data is None else data)

        return read

    def put(workflow: Workflow, changes: Iterable[tuple[CallSite, Any]]) -> Workflow:
        rest = rest_of(workflow)
        items = entries(held(rest, "spec"), SPECS)
        places = {item.get("pipelineTaskName"): number for number, item in enumerate(items)}
        for site, value in changes:
            number = places.setdefault(site.step.name, len(items))
            if number == len(items):
                items.append({"pipelineTaskName": site.step.name})
            items[number] = _with(items[number], path, _data(setting, value))
        return replace(workflow, rest=Scope().rest(_with(rest, ("spec", SPECS), items)))

    return Home(at="workflow", get=get, put=put)


def _runs_pipeline(site: CallSite) -> bool:
    call = site.step.call
    if isinstance(call, Dynamic):
        return bool({"pipelineRef", "pipelineSpec"} & write_value(call.target).keys())
    return isinstance(call, External) and call.kind == "Pipeline"


def _names_step(workflow: Workflow, site: CallSite) -> bool:
    """Whether a PipelineRun says anything of this task by itself."""
    named = f'"pipelineTaskName":"{site.step.name}"'
    return workflow.rest is not None and any(named in part for part in workflow.rest.parts if isinstance(part, str))


def _in_run(workflow: Workflow, site: CallSite) -> bool:
    """Whether a call is a task of the pipeline that a PipelineRun holds, and not of one in that."""
    return workflow.kind == "PipelineRun" and site.graph is not None and site.graph.name == "pipeline"


def _retry(workflow: Workflow, site: CallSite, callee: Operation | None) -> Home:
    if _runs_pipeline(site):
        return PIPELINE
    if site.step.tolerates:
        return ONCE
    return RETRIES_OF_RUN if workflow.kind == "TaskRun" else RETRIES


def _timeout(workflow: Workflow, site: CallSite, callee: Operation | None) -> Home:
    if _runs_pipeline(site):
        return PIPELINE
    return TIMEOUT_OF_RUN if workflow.kind == "TaskRun" else TIMEOUT


def _in_go(timeout: Value | None) -> Value | None:
    """Return a timeout with its unit; a number is seconds."""
    if isinstance(timeout, Literal) and isinstance(timeout.value, (int, float)):
        milliseconds = math.ceil(timeout.value * 1000)
        return Literal(value=f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s")
    return timeout


RETRIES, RETRIES_OF_RUN = Home(at="step", native="retries"), _of_object("retry", "spec", "retries")
TIMEOUT = Home(at="step", native="timeout", put=lambda step, value: replace(step, timeout=_in_go(value)))
TIMEOUT_OF_RUN = _of_object("timeout", "spec", "timeout")


def _metadata(setting: str) -> Home:
    """Return the home of labels or annotations."""
    path = ("metadata", setting)
    of_object, of_run = _of_object(setting, *path), _of_run(setting, *path)

    def put(operation: Operation, pairs: Pairs) -> Operation:
        scope, parts = scope_in(operation), operation.rest.parts if operation.rest is not None else ()
        known = {spell(part): part for part in parts if isinstance(part, Reference)}

        def cut(text: str) -> tuple[str | Reference, ...]:
            return tuple(
                known.get(part.native, part) if isinstance(part, Reference) else part for part in scope.parts(text)
            )

        rest = _with(rest_of(operation), path, _data(setting, pairs))
        return replace(operation, rest=structure(rest, cut) if rest else None)

    def choose(workflow: Workflow, site: CallSite, callee: Operation | None) -> Home:
        if _runs_pipeline(site) or workflow.kind == "StepAction":
            return ACTION if workflow.kind == "StepAction" else PIPELINE
        if workflow.kind in ("Task", "TaskRun"):
            return of_object
        if _in_run(workflow, site) and (callee is None or _names_step(workflow, site)):
            return of_run
        return home if callee is not None else ELSEWHERE

    home = Home(
        at="operation",
        native=f"{'.'.join(path)} of a Task, a taskSpec or a TaskRun; {SPECS} of a PipelineRun",
        get=lambda operation: _value(setting, _at(rest_of(operation), path)),
        put=put,
    )
    return with_fields(home, choose=choose)


def _of_pod(setting: str, key: str) -> Home:
    """Return the home of what only the template of a run's pods says."""
    of_object, of_run = _of_object(setting, "spec", "podTemplate", key), _of_run(setting, "podTemplate", key)

    def choose(workflow: Workflow, site: CallSite, callee: Operation | None) -> Home:
        if _runs_pipeline(site):
            return PIPELINE
        if workflow.kind == "TaskRun":
            return of_object
        return of_run if _in_run(workflow, site) else OF_RUNS

    return Home(at="workflow", native=f"podTemplate.{key} of a TaskRun; {SPECS} of a PipelineRun", choose=choose)


def _steps(operation: Operation) -> list[Container]:
    """The steps of a Task that are written in it."""
    return [item for item in operation.containers if item.role == "main" and "ref" not in rest_of(item)]


def _of_steps(setting: str, native: str, *, of_pods: bool = True) -> Home:
    """Return the home of a setting of the steps of a Task: what all of them have, or are to have.

    Args:
        setting: `requests`, `limits` or `env`.
        native: what Tekton calls it.
        of_pods: whether runs can say it of the whole pod of a Task that is in another object.
    """
    path = ("computeResources", setting)
    of_object, of_run = _of_object(setting, "spec", *path), _of_run(setting, *path)

    def said(container: Container) -> dict[str, Value]:
        if setting == "env":
            return {item.name: item.value for item in container.env}
        return dict(getattr(container, setting))

    def in_force(operation: Operation) -> list[dict[str, Value]]:
        """What each step has: its own, that of the stepTemplate, or as much as its limit."""
        usual = read_container(held(rest_of(operation), "stepTemplate"), "main", scope_in(operation))
        steps = _steps(operation)
        limits = [{**dict(usual.limits), **dict(step.limits)} if setting == "requests" else {} for step in steps]
        return [{**bound, **said(usual), **said(step)} for bound, step in zip(limits, steps, strict=True)]

    def get(operation: Operation) -> Pairs:
        first, *others = in_force(operation) or [{}]
        return tuple((name, value) for name, value in first.items() if all(name in other for other in others))

    def put(operation: Operation, pairs: Pairs) -> Operation:
        before, after = dict(get(operation)), dict(pairs)
        changed = {name: value for name, value in after.items() if before.get(name) != value}
        new: dict[int, Container] = {}
        for step, held_before in zip(_steps(operation), in_force(operation), strict=True):
            kept = {name: value for name, value in said(step).items() if name in after or name not in before}
            added = {name: value for name, value in changed.items() if name in before or name not in held_before}
            items: Any = tuple(sorted({**kept, **added}.items()))
            if setting == "env":
                items = tuple(EnvVar(name=name, value=value) for name, value in {**kept, **added}.items())
            new[id(step)] = replace(step, **{setting: items})
        return replace(operation, containers=tuple(new.get(id(item), item) for item in operation.containers))

    def choose(workflow: Workflow, site: CallSite, callee: Operation | None) -> Home:
        if _runs_pipeline(site):
            return PIPELINE
        if workflow.kind == "StepAction" and of_pods:
            return ACTION
        if callee is None and of_pods and not (workflow.rest and "stepSpecs" in str(workflow.rest.parts)):
            return of_object if workflow.kind == "TaskRun" else of_run if _in_run(workflow, site) else ELSEWHERE
        return home

    def refuse(operation: Operation | None) -> str:
        return "" if operation is not None and _steps(operation) else "its steps are StepActions, in other objects"

    home = Home(at="operation", native=native, get=get, put=put, refuse=refuse)
    return with_fields(home, choose=choose)


RESOURCES = "computeResources.{} of each step; of the whole pod where a run calls a Task of another object"
HOMES: Homes = {
    "retry": with_fields(RETRIES, note="not beside onError: continue", choose=_retry),
    "timeout": with_fields(TIMEOUT, choose=_timeout),
    "requests": _of_steps("requests", RESOURCES.format("requests")),
    "limits": _of_steps("limits", RESOURCES.format("limits")),
    "env": _of_steps("env", "env of each step", of_pods=False),
    "labels": _metadata("labels"),
    "annotations": _metadata("annotations"),
    "node_selector": _of_pod("node_selector", "nodeSelector"),
    "priority": _of_pod("priority", "priorityClassName"),
}
"""The home of each setting."""
