"""When an embedded spec means the same as an object of its own, and what that object is.

Source: `docs/pipelineruns.md` and `docs/taskruns.md` of Tekton (propagated parameters, workspaces and results reach
embedded specs only), `pkg/reconciler/pipelinerun/resources/apply.go`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import replace as plan_with
from typing import Any

import msgspec

from couler_plugins.engine_kit.reporting import Report
from couler_plugins.hookspecs import Context
from couler_plugins.ir import (
    Call,
    External,
    Graph,
    Operation,
    Port,
    Reference,
    Step,
    Workflow,
    callables,
    references,
    remove_callables,
    replace,
    replace_steps,
    to_json,
    without_origin,
)
from couler_plugins.optimizers.declare import named_by_rows
from couler_plugins.plan import Decision, Plan
from couler_tekton.lint.shapes import check_shape
from couler_tekton.lower import Writing
from couler_tekton.variables import Scope, scope_in, write_value

NAME = "extract"
"""The optimizer's name, in decisions."""
ROWS = "left alone: rows of the settings name what is in it, and not what it becomes; put declare before extract"
LONGEST, DIGITS = 63, 10
OTHER = re.compile(r"[^a-z0-9.-]+")
OWN = ("labels", "annotations")
NAMES = ("context.pipeline.name", "context.task.name")
"""Variables that would be something else."""


def extract_specs(plan: Plan, ctx: Context) -> Plan:
    """Return the plan with references in the place of embedded specs, and with what they refer to."""
    shelf, named = _Shelf(plan), named_by_rows(plan, ctx)
    for workflow in plan.workflows:
        if workflow.kind in EXTRACTED and workflow.source is not None and int(workflow.source[0]) in named:
            plan = plan.with_workflow(workflow, workflow, _decision(workflow, "", "", ROWS))
        elif workflow.engine == "tekton" and workflow.kind in EXTRACTED:
            plan = EXTRACTED[workflow.kind](plan, workflow, shelf)
    return plan_with(plan, workflows=(*shelf.added, *plan.workflows), decisions=(*plan.decisions, *shelf.decisions()))


class _Shelf:
    """The Tasks and Pipelines that can be referred to: those of the plan, and those that are made."""

    def __init__(self, plan: Plan) -> None:
        self.added: list[Workflow] = []
        self._users: dict[str, int] = {}
        self._names: dict[Workflow, str] = {}
        shared = [item for item in plan.workflows if item.engine == "tekton" and item.kind in ("Task", "Pipeline")]
        count = Counter((item.kind, item.name) for item in shared)
        for workflow in shared:
            if workflow.name and count[workflow.kind, workflow.name] == 1:  # else nobody knows which one is meant
                self._names.setdefault(holding(workflow), workflow.name)

    def name_of(self, item: Graph | Operation, workflow: Workflow, wanted: str) -> str:
        """What holds a graph or an operation, for workflows of the same namespace; it is made if there is none."""
        bare = holder(item, workflow.namespace)
        name = self._names.get(bare)
        if name is None:
            name = self._names[bare] = named(wanted, bare)
            self.added.append(replace(bare, name=name))
        self._users[name] = self._users.get(name, 0) + 1
        return name

    def decisions(self) -> list[Decision]:
        """Why there are new objects."""
        return [
            Decision(
                optimizer=NAME,
                workflow=workflow.label,
                action=f"make a {workflow.kind} of it",
                reason="a reference to it takes less than a copy in each run",
                figures=(("places", self._users[workflow.name]),),
            )
            for workflow in self.added
        ]


def _of_pipeline(plan: Plan, workflow: Workflow, shelf: _Shelf) -> Plan:
    by_name = callables(workflow)
    steps, gone, decisions = {}, [], []
    for graph in workflow.graphs:
        for step in graph.steps:
            callee = by_name.get(step.call.name) if isinstance(step.call, Call) else None
            if not isinstance(callee, Operation):
                continue
            reason = obstacle(callee, step, graph, workflow)
            subject = f"{graph.name}/{step.name}"
            if reason:
                decisions.append(_decision(workflow, subject, "", f"left alone: {reason}"))
                continue
            name = shelf.name_of(callee, workflow, step.name)
            call = External(workflow=name, name="task", kind="Task")
            steps[graph.name, step.name] = replace(step, call=call)
            gone.append(callee.name)
            decisions.append(_decision(workflow, subject, f"refer to the Task {name}", "its spec is written in place"))
    smaller = remove_callables(replace_steps(workflow, steps), gone) if steps else workflow
    if smaller.kind == "PipelineRun" and smaller.entry is not None and isinstance(smaller.entry.call, Call):
        (root,) = (graph for graph in smaller.graphs if graph.name == smaller.entry.call.name)
        reason = _pipeline_obstacle(root, smaller)
        if reason:
            decisions.append(_decision(workflow, root.name, "", f"left alone: {reason}"))
        else:
            name = shelf.name_of(root, smaller, smaller.name or smaller.prefix.rstrip("-"))
            entry = replace(smaller.entry, call=External(workflow=name, name="pipeline", kind="Pipeline"))
            smaller = replace(remove_callables(smaller, [root.name]), entry=entry)
            action = f"refer to the Pipeline {name}"
            decisions.append(_decision(workflow, root.name, action, "its spec is written in place"))
    return plan.with_workflow(workflow, smaller, *decisions) if decisions else plan


def _of_task_run(plan: Plan, workflow: Workflow, shelf: _Shelf) -> Plan:
    if workflow.entry is None or not isinstance(workflow.entry.call, Call):
        return plan
    (operation,) = workflow.operations
    if reason := _run_obstacle(operation, workflow):
        return plan.with_workflow(workflow, workflow, _decision(workflow, operation.name, "", f"left alone: {reason}"))
    name = shelf.name_of(operation, workflow, workflow.name or workflow.prefix.rstrip("-"))
    entry = replace(workflow.entry, call=External(workflow=name, name="task", kind="Task"))
    smaller = replace(remove_callables(workflow, [operation.name]), entry=entry)
    action = f"refer to the Task {name}"
    return plan.with_workflow(
        workflow, smaller, _decision(workflow, operation.name, action, "its spec is written in place")
    )


def _decision(workflow: Workflow, subject: str, action: str, reason: str) -> Decision:
    return Decision(optimizer=NAME, workflow=workflow.label, subject=subject, action=action, reason=reason)


EXTRACTED = {"Pipeline": _of_pipeline, "PipelineRun": _of_pipeline, "TaskRun": _of_task_run}
"""What is done to each kind that may hold specs of others."""


def obstacle(operation: Operation, step: Step, graph: Graph, workflow: Workflow) -> str:
    """Why a task has to stay in its pipeline; empty where it need not."""
    if reason := own_obstacle(operation):
        return reason
    around = {port.name for port in (*graph.inputs, *workflow.parameters)}
    passed = {argument.name for argument in step.arguments}
    for port in operation.inputs:
        if port.name in around and (port.name not in passed or _is_object(port)):
            return f"its parameter {port.name!r} is filled from around it"
        if port.name not in passed and port.default is None:
            return f"its parameter {port.name!r} is filled from around it, or not at all"
    if loose := sorted(_names(operation) - _names(step)):
        return f"its workspace {loose[0]!r} is bound from around it, or not at all"
    return ""


def _run_obstacle(operation: Operation, workflow: Workflow) -> str:
    """Why a task has to stay in its TaskRun; empty where it need not."""
    if reason := own_obstacle(operation):
        return reason
    names = {port.name for port in workflow.parameters}
    lost = [port.name for port in operation.inputs if port.default is None and port.name not in names]
    return f"its parameter {lost[0]!r} is not given" if lost else ""


def own_obstacle(operation: Operation) -> str:
    """What in a task only works in its place."""
    if not set(_rest(operation).get("metadata") or {}) <= set(OWN):
        return "its metadata says what a Task cannot say"
    if reason := _fields_of_its_own(operation):
        return reason
    declared = {port.name for port in operation.inputs}
    for reference in references(operation):
        if reason := _reads_around(reference, declared, _names(operation)):
            return reason
    return ""


def _fields_of_its_own(item: Graph | Operation) -> str:
    """The API server drops what the CRD does not know, but for embedded specs, which it takes as they are."""
    bare = holder(item, "")
    report = Report(0)
    check_shape(bare.kind, Writing(bare).document(), report)
    return f"in an object of its own, {report.remarks[0].message}" if report.remarks else ""


def _reads_around(reference: Reference, declared: set[str], workspaces: set[str]) -> str:
    if reference.step:
        return f"it reads {reference.step!r} in its steps"
    if reference.to in ("input", "parameter", "item") and reference.name not in declared:
        return f"it reads the parameter {reference.name!r} around it"
    if reference.to == "workspace" and reference.name not in workspaces:
        return f"it uses the workspace {reference.name!r} around it"
    if reference.to == "run" and (reference.name.startswith("context.pipeline") or reference.name in NAMES):
        return f"it reads {reference.name}"
    return ""


def _pipeline_obstacle(graph: Graph, workflow: Workflow) -> str:
    """Why a pipeline has to stay in its run; empty where it need not."""
    embedded = [step.name for step in graph.steps if isinstance(step.call, Call)]
    if embedded:
        return f"the spec of {embedded[0]!r} is written in it"
    if reason := _fields_of_its_own(graph):
        return reason
    declared = {port.name for port in graph.inputs}
    for reference in references(graph):
        if reference.to in ("input", "parameter") and reference.name not in declared:
            return f"it reads the parameter {reference.name!r} of its run"
        if reference.to == "run" and reference.name in NAMES:
            return f"it reads {reference.name}"
    names = {port.name for port in workflow.parameters}
    for port in graph.inputs:
        if port.default is None and port.name not in names:
            return f"its parameter {port.name!r} is not given"
    for step in graph.steps:
        for use in _rest(step).get("workspaces") or ():
            if (use.get("workspace") or use.get("name")) not in _names(graph):
                return f"{step.name!r} uses a workspace of its run"
    return ""


def holder(item: Graph | Operation, namespace: str) -> Workflow:
    """The Task or Pipeline that holds this, without a name yet."""
    rest = _rest(item)
    metadata = rest.pop("metadata", None) if isinstance(item, Operation) else None
    inputs = tuple(replace(port, optional=False) for port in item.inputs)
    root = "pipeline" if isinstance(item, Graph) else "task"
    bare: Any = without_origin(
        replace(item, name=root, inputs=inputs, inline=False, native_extra=scope_in(item).rest(rest))
    )
    own = Scope().rest({"metadata": metadata}) if metadata else None
    workflow = Workflow(
        engine="tekton", kind=root.capitalize(), library="namespace", namespace=namespace, native_extra=own
    )
    return replace(workflow, graphs=(bare,)) if isinstance(item, Graph) else replace(workflow, operations=(bare,))


def holding(workflow: Workflow) -> Workflow:
    """A Task or Pipeline as `holder` makes it, so that both can be compared."""
    return replace(without_origin(workflow), name="", source=None)


def named(wanted: str, bare: Workflow) -> str:
    """A name that says what it is for, and never means anything else; what a run is called may still be a template."""
    digest = hashlib.sha256(
        msgspec.json.encode(msgspec.json.decode(to_json(bare))["workflow"], order="sorted")
    ).hexdigest()[:DIGITS]
    spelt = OTHER.sub("-", wanted.lower())[: LONGEST - DIGITS - 1].strip("-.")
    return f"{spelt or bare.kind.lower()}-{digest}"


def _rest(node: Workflow | Graph | Operation | Step) -> dict[str, Any]:
    rest: dict[str, Any] = write_value(node.native_extra) if node.native_extra else {}
    return rest


def _names(node: Graph | Operation | Step) -> set[str]:
    """The names of the workspaces that are declared, or bound."""
    workspaces = _rest(node).get("workspaces")
    return (
        {str(item.get("name")) for item in workspaces if isinstance(item, dict)}
        if isinstance(workspaces, list)
        else set()
    )


def _is_object(port: Port) -> bool:
    """Whether a parameter holds an object, to which more keys may be handed."""
    rest: Any = write_value(port.native_extra) if port.native_extra else {}
    return rest.get("type") == "object" or "properties" in rest
