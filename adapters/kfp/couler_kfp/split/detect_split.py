"""Finds again what was split: the pipelines that another one stands for, and what crosses between them."""

from __future__ import annotations

from collections.abc import Iterable

from couler_kfp.documents import ROOT
from couler_kfp.structures import write_structure
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.ir import Graph, Operation, Step, Workflow, callables, callee_of
from couler_plugins.parallelism.cuts import links_between
from couler_plugins.plan import Link, Part

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
    name = mapping_at(content, "executor", PIPELINE).get("name")
    return name if isinstance(name, str) else ""


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
        steps, names = _callers(workflow)
        for name, part in names.items():
            if part in by_name:
                own = tuple(step.name for step in _callers(by_name[part])[0] if not is_ours(step))
                parts.append(Part(workflow=workflow.label, name=name, steps=own))
        links += links_between(steps, names)
    return tuple(parts), tuple(links)


def _callers(workflow: Workflow) -> tuple[tuple[Step, ...], dict[str, str]]:
    """The steps of a root, and the names of the pipelines of parts, by those of the steps that stand for them."""
    by_name = callables(workflow)
    root = by_name.get(ROOT)
    steps = root.steps if isinstance(root, Graph) else ()
    called = {step.name: callee_of(step, by_name) for step in steps}
    names = {step: started(callee) for step, callee in called.items() if isinstance(callee, Operation)}
    return steps, {step: name for step, name in names.items() if name}
