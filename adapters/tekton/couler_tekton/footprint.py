"""How large a Tekton object is once it runs: upper estimates, additive over tasks.

The API server keeps objects as JSON, and etcd takes 1.5 MiB in one request. A PipelineRun has its pipeline in its
status again, whether it holds it or refers to it, and an entry for each TaskRun (`pkg/apis/pipeline/v1`,
PipelineRunStatusFields: `pipelineSpec`, `childReferences`, `skippedTasks`).
"""

from __future__ import annotations

import json
import math
from typing import Any

from couler_plugins.documents.mappings import Mapped
from couler_plugins.hookspecs import Footprint
from couler_plugins.ir import Call, Graph, Literal, Native, Operation, Step, Workflow, callables, inline_callees
from couler_tekton.bodies import write_operation
from couler_tekton.tasks import write_task
from couler_tekton.variables import write_value

CHILD = 160
"""Bytes of the status that a task takes beside its name, which is in there three times: its reference (apiVersion,
kind, name and pipelineTaskName, the name made of that of the run), with what it was skipped for where it was."""
FRAME = 4_000
"""Bytes of a run without tasks: metadata with what manages its fields, conditions, times, provenance."""
NAMED = 3


class Footprints:
    """Measures the steps of one workflow.

    Args:
        workflow: a Pipeline, or a PipelineRun that holds one.
        copies: how often a run keeps the text of a task; None for as the workflow has it.
    """

    def __init__(self, workflow: Workflow, copies: int | None = None) -> None:
        self._by_name = callables(workflow)
        self._copies = copies or copies_of(workflow)

    def __call__(self, step: Step) -> Footprint:
        """The footprint of one task: its text as often as it is kept, and what its status takes."""
        items = items_of(step)
        text = len(_json(write_task(step, self._called(step))))
        status = (CHILD + NAMED * len(step.name)) * (items or 1)
        callees = inline_callees(step, self._by_name)
        pods = sum(isinstance(callee, Operation) for callee in callees) or 1
        return Footprint(
            bytes=self._copies * (text + 1) + status, steps=1, pods=None if items is None else items * pods
        )

    def _called(self, step: Step) -> Mapped:
        """What a step says of what it calls."""
        callee = self._by_name.get(step.call.name) if isinstance(step.call, Call) else None
        if isinstance(callee, Operation):
            return {"taskSpec": write_operation(callee, embedded=True, action=False)}
        if isinstance(callee, Graph):
            tasks = [write_task(inner, self._called(inner)) for inner in callee.steps]
            return {"pipelineSpec": {"params": [port.name for port in callee.inputs], "tasks": tasks}}
        return {"taskRef": {"name": str(step.call)}}


def copies_of(workflow: Workflow) -> int:
    """How often a run keeps the text of a task: in its status, and in its spec where it does not refer to it."""
    return 2 if workflow.kind == "PipelineRun" else 1


def size_of(workflow: Workflow, document: Mapped) -> int:
    """The bytes of the largest object that the cluster has to keep of a workflow while it runs.

    Args:
        workflow: a Pipeline, or a PipelineRun that holds one.
        document: what it is written as.
    """
    steps = [step for graph in workflow.graphs for step in graph.steps]
    status = sum((CHILD + NAMED * len(step.name)) * (items_of(step) or 1) for step in steps)
    return FRAME + copies_of(workflow) * len(_json(document["spec"])) + status


def items_of(step: Step) -> int | None:
    """How often a task runs: once, or as often as its matrix says; None where only the run can tell."""
    if step.loop is None:
        return 1
    sizes = []
    for axis in step.loop.axes:
        values = write_value(axis.values) if isinstance(axis.values, (Literal, Native)) else None
        if not isinstance(values, list) or any("$(" in str(value) for value in values):
            return None
        sizes.append(len(values))
    return math.prod(sizes) + len(step.loop.includes) if sizes else max(1, len(step.loop.includes))


def _json(data: Any) -> str:
    """Data as the API server keeps it."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)
