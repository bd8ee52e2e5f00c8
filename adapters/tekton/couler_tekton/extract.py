"""Specs that are written where they are called become Tasks and Pipelines, and what is the same becomes one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import ClassVar

from couler_plugins.hookspecs import Context
from couler_plugins.ir import Call, External, Graph, Operation, Workflow, callables, remove_callables, replace_steps
from couler_plugins.ir import replace as changed
from couler_plugins.plan import Decision, Plan

__all__ = ["Extract"]


@dataclass(frozen=True)
class Extract:
    """Make Tasks and Pipelines of specs that are embedded in Pipelines and runs, and refer to those.

    A PipelineRun holds what is embedded in it twice, once more in its status, and etcd takes a mebibyte and a half at
    most; a reference takes a few bytes. The names of the new objects end with a hash of what they hold, so that a run
    never finds another version than its own. Left alone is what only works in its place: a spec that reads parameters,
    workspaces or results around it.
    """

    name: ClassVar[str] = "extract"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Replaces embedded specs by references, and adds what they refer to."""
        shelf = _Shelf(plan)
        for workflow in plan.workflows:
            if workflow.engine == "tekton" and workflow.kind in EXTRACTED:
                plan = EXTRACTED[workflow.kind](plan, workflow, shelf)
        return replace(plan, workflows=(*shelf.made, *plan.workflows), decisions=(*plan.decisions, *shelf.decisions()))


class _Shelf:
    """The Tasks and Pipelines that can be referred to: those of the plan, and those that are made."""

    def __init__(self, plan: Plan) -> None:
        from couler_tekton.extracted import holding

        self.made: list[Workflow] = []
        self._users: dict[str, int] = {}
        self._names: dict[Workflow, str] = {}
        shared = [item for item in plan.workflows if item.engine == "tekton" and item.kind in ("Task", "Pipeline")]
        count = Counter((item.kind, item.name) for item in shared)
        for workflow in shared:
            if workflow.name and count[workflow.kind, workflow.name] == 1:  # else nobody knows which one is meant
                self._names.setdefault(holding(workflow), workflow.name)

    def name_of(self, item: Graph | Operation, workflow: Workflow, wanted: str) -> str:
        """What holds a graph or an operation, for workflows of the same namespace; it is made if there is none."""
        from couler_tekton.extracted import holder, named

        bare = holder(item, workflow.namespace)
        name = self._names.get(bare)
        if name is None:
            name = self._names[bare] = named(wanted, bare)
            self.made.append(changed(bare, name=name))
        self._users[name] = self._users.get(name, 0) + 1
        return name

    def decisions(self) -> list[Decision]:
        """Why there are new objects."""
        return [
            Decision(
                optimizer=Extract.name,
                workflow=workflow.label,
                action=f"make a {workflow.kind} of it",
                reason="a reference to it takes less than a copy in each run",
                figures=(("places", self._users[workflow.name]),),
            )
            for workflow in self.made
        ]


def _of_pipeline(plan: Plan, workflow: Workflow, shelf: _Shelf) -> Plan:
    from couler_tekton.extracted import obstacle, pipeline_obstacle

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
            steps[graph.name, step.name] = changed(step, call=call)
            gone.append(callee.name)
            decisions.append(_decision(workflow, subject, f"refer to the Task {name}", "its spec is written in place"))
    smaller = remove_callables(replace_steps(workflow, steps), gone) if steps else workflow
    if smaller.kind == "PipelineRun" and smaller.entry is not None and isinstance(smaller.entry.call, Call):
        (root,) = (graph for graph in smaller.graphs if graph.name == smaller.entry.call.name)
        reason = pipeline_obstacle(root, smaller)
        if reason:
            decisions.append(_decision(workflow, root.name, "", f"left alone: {reason}"))
        else:
            name = shelf.name_of(root, smaller, smaller.name or smaller.prefix.rstrip("-"))
            entry = changed(smaller.entry, call=External(workflow=name, name="pipeline", kind="Pipeline"))
            smaller = changed(remove_callables(smaller, [root.name]), entry=entry)
            action = f"refer to the Pipeline {name}"
            decisions.append(_decision(workflow, root.name, action, "its spec is written in place"))
    return plan.with_workflow(workflow, smaller, *decisions) if decisions else plan


def _of_task_run(plan: Plan, workflow: Workflow, shelf: _Shelf) -> Plan:
    from couler_tekton.extracted import run_obstacle

    if workflow.entry is None or not isinstance(workflow.entry.call, Call):
        return plan
    (operation,) = workflow.operations
    if reason := run_obstacle(operation, workflow):
        return plan.with_workflow(workflow, workflow, _decision(workflow, operation.name, "", f"left alone: {reason}"))
    name = shelf.name_of(operation, workflow, workflow.name or workflow.prefix.rstrip("-"))
    entry = changed(workflow.entry, call=External(workflow=name, name="task", kind="Task"))
    smaller = changed(remove_callables(workflow, [operation.name]), entry=entry)
    action = f"refer to the Task {name}"
    return plan.with_workflow(
        workflow, smaller, _decision(workflow, operation.name, action, "its spec is written in place")
    )


def _decision(workflow: Workflow, subject: str, action: str, reason: str) -> Decision:

    return Decision(optimizer=Extract.name, workflow=workflow.label, subject=subject, action=action, reason=reason)


EXTRACTED = {"Pipeline": _of_pipeline, "PipelineRun": _of_pipeline, "TaskRun": _of_task_run}
"""What is done to each kind that may hold specs of others."""
