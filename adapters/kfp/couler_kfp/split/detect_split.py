"""Finds again what was split: the pipelines that another one stands for, and what crosses between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from couler_kfp.pipelines import ROOT
from couler_kfp.split.call_graph import callee_of
from couler_kfp.structures import write_structure
from couler_plugins.ir import Graph, Operation, Step, Workflow, callables, references
from couler_plugins.plan import Link, Part

__all__ = ["OURS", "PIPELINE", "is_ours", "joined", "started", "whole_of"]

PIPELINE = "pipeline"
"""The kind of the operation that stands for a part, and the key of its executor."""
OURS = "comp-couler-"
"""How the names of the components begin that only parts have."""


def is_ours(step: Step) -> bool:
    """Whether a step of a part imports or hands out what crosses: the whole had no such step."""
    return getattr(step.call, "name", "").startswith(OURS)


def started(operation: Operation) -> str:
    """The name of the pipeline that an operation stands for; empty where it stands for none."""
    content = write_structure(operation.native_extra) if operation.kind == PIPELINE and operation.native_extra else {}
    match content:
        case {"executor": {"pipeline": {"name": str(name)}}}:
            return name
    return ""


def whole_of(workflow: Workflow) -> str:
    """What was split, where a pipeline is a part of it, or what is left of it; empty where nobody has split it."""
    if any(item.name.startswith(OURS) for item in workflow.operations):
        return "another pipeline"  # a part does not say of which
    return workflow.label if any(map(started, workflow.operations)) else ""


def joined(workflows: Iterable[Workflow]) -> tuple[tuple[Part, ...], tuple[Link, ...]]:
    """The parts and the links of these pipelines; none for what nobody has split."""
    every = list(workflows)
    by_name = {workflow.name: workflow for workflow in every}
    parts: list[Part] = []
    links: list[Link] = []
    for workflow in every:
        tasks = _tasks(workflow)
        for step, name in tasks.values():
            if name in by_name:
                own = _own_steps(by_name[name])
                parts.append(Part(workflow=workflow.label, name=step.name, steps=own))
        links += _links(tasks)
    return tuple(parts), tuple(links)


def _tasks(workflow: Workflow) -> dict[str, tuple[Step, str]]:
    """The steps that stand for parts, each with the name of the part's pipeline, by their own names."""
    by_name = callables(workflow)
    root = by_name.get(ROOT)
    tasks = {}
    for step in root.steps if isinstance(root, Graph) else ():
        callee = callee_of(step, by_name)
        if isinstance(callee, Operation) and (name := started(callee)):
            tasks[step.name] = (step, name)
    return tasks


def _links(tasks: dict[str, tuple[Step, str]]) -> Iterator[Link]:
    for step, consumer in tasks.values():
        for argument in step.arguments:
            for reference in references(argument.value):
                if reference.step in tasks:
                    yield Link(
                        producer=tasks[reference.step][1],
                        output=reference.name,
                        consumer=consumer,
                        input=argument.name,
                        kind=argument.kind,
                    )


def _own_steps(part: Workflow) -> tuple[str, ...]:
    """The tasks of a part that the whole had, too."""
    root = callables(part)[ROOT]
    steps = root.steps if isinstance(root, Graph) else ()
    return tuple(step.name for step in steps if not is_ours(step))
