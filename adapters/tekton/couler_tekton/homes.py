"""Where Tekton keeps the settings of steps: at the task of a pipeline, in what it runs, or in the object around both.

Sources: `pkg/apis/pipeline/v1` (PipelineTask, TaskSpec, TaskRunSpec, PipelineTaskRunSpec); `docs/labels.md` (labels of
Tasks and runs reach their pods); `docs/stepactions.md`.
"""

from __future__ import annotations

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
    Operation,
    Reference,
    Value,
    Workflow,
    replace,
)
from couler_plugins.ir.settings import Pairs
from couler_tekton.cache.declared import mapping_at, rest_of
from couler_tekton.containers import read_container
from couler_tekton.home_kinds import in_go, of_object, of_run, said_of_tasks, said_under, setting_of, spelled, with_path
from couler_tekton.mappings import Mapped
from couler_tekton.variables import scope_in, spell, structure, write_value

PIPELINE = Home(at="none", note="it runs a pipeline, whose tasks can have it")
ONCE = Home(at="none", note="Tekton has no retries beside onError: continue")
ACTION = Home(at="none", note="a StepAction is a part of a Task, which can have it")
ELSEWHERE = Home(at="none", note="what it runs is in another object; of these, PipelineRuns say it (taskRunSpecs)")
SIZED = Home(at="none", note="the run says it of single steps (stepSpecs), and cannot of the whole pod as well")
OF_RUNS = Home(at="none", note="set it in the run: taskRunSpecs of a PipelineRun, podTemplate of a TaskRun")


def _runs_pipeline(site: CallSite) -> bool:
    """Return whether a call runs a pipeline that is in another object."""
    call = site.step.call
    if isinstance(call, Dynamic):
        return bool({"pipelineRef", "pipelineSpec"} & write_value(call.target).keys())
    return isinstance(call, External) and call.kind == "Pipeline"


def _in_run(workflow: Workflow, site: CallSite) -> bool:
    """Return whether a call is a task of the pipeline that a PipelineRun holds, and not of one in that."""
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


RETRIES, RETRIES_OF_RUN = Home(at="step", native="retries"), of_object("retry", "spec", "retries")
TIMEOUT = Home(at="step", native="timeout", put=lambda step, value: replace(step, timeout=in_go(value)))
TIMEOUT_OF_RUN = of_object("timeout", "spec", "timeout")


def with_rest(operation: Operation, rest: Mapped) -> Operation:
    """Return a task with other native fields, in which names of parameters mean what they meant before."""
    scope, parts = scope_in(operation), operation.native_extra.parts if operation.native_extra is not None else ()
    references = {spell(part): part for part in parts if isinstance(part, Reference)}

    def cut(text: str) -> tuple[str | Reference, ...]:
        return tuple(
            references.get(part.native, part) if isinstance(part, Reference) else part for part in scope.parts(text)
        )

    return replace(operation, native_extra=structure(rest, cut) if rest else None)


def _metadata(setting: str) -> Home:
    """Return the home of labels or annotations."""
    path = ("metadata", setting)
    here, in_run = of_object(setting, *path), of_run(setting, *path)

    def put(operation: Operation, pairs: Pairs) -> Operation:
        return with_rest(operation, with_path(rest_of(operation), path, spelled(setting, pairs)))

    def choose(workflow: Workflow, site: CallSite, callee: Operation | None) -> Home:
        if _runs_pipeline(site) or workflow.kind == "StepAction":
            return ACTION if workflow.kind == "StepAction" else PIPELINE
        if workflow.kind in ("Task", "TaskRun"):
            return here
        if _in_run(workflow, site) and (callee is None or site.step.name in said_of_tasks(workflow.native_extra)):
            return in_run
        return home if callee is not None else ELSEWHERE

    home = Home(
        at="operation",
        native=".".join(path),
        note="of a taskSpec, a Task or a TaskRun; what is elsewhere has them in taskRunSpecs of a PipelineRun",
        get=lambda operation: setting_of(setting, said_under(rest_of(operation), path)),
        put=put,
    )
    return with_fields(home, choose=choose)


def _of_pod(setting: str, key: str) -> Home:
    """Return the home of what only the template of a run's pods says."""
    here, in_run = of_object(setting, "spec", "podTemplate", key), of_run(setting, "podTemplate", key)

    def choose(workflow: Workflow, site: CallSite, callee: Operation | None) -> Home:
        if _runs_pipeline(site):
            return PIPELINE
        if workflow.kind == "TaskRun":
            return here
        return in_run if _in_run(workflow, site) else OF_RUNS

    note = "of a TaskRun, or in taskRunSpecs of a PipelineRun; Pipelines and Tasks have no place for it"
    return Home(at="workflow", native=f"podTemplate.{key}", note=note, choose=choose)


def _steps(operation: Operation, *, actions: bool) -> list[Container]:
    """The steps of a Task that are written in it, and also those that are StepActions where these count."""
    return [item for item in operation.containers if item.role == "main" and (actions or "ref" not in rest_of(item))]


def step_template(operation: Operation) -> Container:
    """What all steps of a Task have unless they say something else."""
    return read_container(mapping_at(rest_of(operation), "stepTemplate"), "main", scope_in(operation))


def _of_steps(setting: str, *path: str, note: str) -> Home:
    """Return the home of a setting of the steps of a Task: what all of them have, or are to have.

    Args:
        setting: its name.
        path: where steps have it; runs have resources at the same place, of the whole pod.
        note: what limits it.
    """
    of_pods = setting != "env"
    here, in_run = of_object(setting, "spec", *path), of_run(setting, *path)

    def said(container: Container) -> dict[str, Value]:
        if setting == "env":
            return {item.name: item.value for item in container.env}
        return dict(getattr(container, setting))

    def in_force(operation: Operation) -> list[dict[str, Value]]:
        """What each step has: its own, that of the stepTemplate, or as much as its limit."""
        usual = step_template(operation)
        steps = _steps(operation, actions=of_pods)
        limits = [{**dict(usual.limits), **dict(step.limits)} if setting == "requests" else {} for step in steps]
        return [{**bound, **said(usual), **said(step)} for bound, step in zip(limits, steps, strict=True)]

    def get(operation: Operation) -> Pairs:
        first, *others = in_force(operation) or [{}]
        return tuple((name, value) for name, value in first.items() if all(name in other for other in others))

    def put(operation: Operation, pairs: Pairs) -> Operation:
        before, after = dict(get(operation)), dict(pairs)
        changed = {name: value for name, value in after.items() if before.get(name) != value}
        new: dict[int, Container] = {}
        for step, held_before in zip(_steps(operation, actions=of_pods), in_force(operation), strict=True):
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
        if callee is not None or not of_pods:
            return home
        if workflow.kind == "TaskRun":
            return SIZED if "stepSpecs" in mapping_at(rest_of(workflow), "spec") else here
        if not _in_run(workflow, site):
            return ELSEWHERE
        return SIZED if "stepSpecs" in said_of_tasks(workflow.native_extra).get(site.step.name, {}) else in_run

    def refuse(operation: Operation | None) -> str:
        is_there = operation is not None and _steps(operation, actions=of_pods)
        return "" if is_there else "its steps are StepActions, in other objects"

    home = Home(at="operation", native=".".join(path), note=note, get=get, put=put, refuse=refuse)
    return with_fields(home, choose=choose)


EACH = "of each step; of the whole pod of a Task that is elsewhere, in a TaskRun or in taskRunSpecs of a PipelineRun"
HOMES: Homes = {
    "retry": with_fields(RETRIES, note="not beside onError: continue", choose=_retry),
    "timeout": with_fields(TIMEOUT, choose=_timeout),
    "requests": _of_steps("requests", "computeResources", "requests", note=EACH),
    "limits": _of_steps("limits", "computeResources", "limits", note=EACH),
    "env": _of_steps("env", "env", note="of each step"),
    "labels": _metadata("labels"),
    "annotations": _metadata("annotations"),
    "node_selector": _of_pod("node_selector", "nodeSelector"),
    "priority": _of_pod("priority", "priorityClassName"),
    "scheduler": _of_pod("scheduler", "schedulerName"),
    "weight": Home(at="none", note="Tekton starts all tasks that are ready; priority classes order their pods"),
}
"""The home of each setting."""


def homes() -> Homes:
    """Return where Tekton keeps each setting of a step."""
    return HOMES
