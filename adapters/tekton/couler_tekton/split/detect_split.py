"""Finds again what was split: the Pipelines that tasks of another one stand for, and what crosses between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from couler_plugins.ir import Graph, Step, Workflow, callables, references
from couler_plugins.plan import Link, Part
from couler_tekton.cache.declared import annotations_of
from couler_tekton.split.names import PART_OF, started
from couler_tekton.split.resolved_pipeline import ROOT

__all__ = ["is_part", "joined", "starts_parts", "whole_of"]


def is_part(workflow: Workflow) -> bool:
    """Whether a workflow is a part of one that was split."""
    return bool(_part_of(workflow))


def whole_of(workflow: Workflow) -> str:
    """What was split, where a workflow is a part of it, or what is left of it; empty where nobody has split it."""
    return _part_of(workflow) or (workflow.label if starts_parts(workflow) else "")


def starts_parts(workflow: Workflow) -> bool:
    """Whether a workflow is what is left of one that was split."""
    return bool(_callers(workflow))


def joined(workflows: Iterable[Workflow]) -> tuple[tuple[Part, ...], tuple[Link, ...]]:
    """The parts and the links of these workflows; none for what nobody has split."""
    every = list(workflows)
    by_name = {workflow.name: workflow for workflow in every if workflow.kind == "Pipeline"}
    parts: list[Part] = []
    links: list[Link] = []
    for workflow in every:
        callers = _callers(workflow)
        root = callables(workflow).get(ROOT)
        last = root.finalizers if isinstance(root, Graph) else ()
        for step, name in callers.values():
            graph = callables(by_name[name]).get(ROOT) if name in by_name else None
            if isinstance(graph, Graph) and step.name not in last:
                own = tuple(inner.name for inner in graph.steps)
                parts.append(Part(workflow=workflow.label, name=step.name, steps=own))
        links += _links(callers)
    return tuple(parts), tuple(links)


def _part_of(workflow: Workflow) -> str:
    return annotations_of(workflow).get(PART_OF, "")


def _callers(workflow: Workflow) -> dict[str, tuple[Step, str]]:
    """The steps that stand for parts, each with the name of the part's Pipeline, by their own names."""
    root = callables(workflow).get(ROOT)
    steps = root.steps if isinstance(root, Graph) else ()
    return {step.name: (step, name) for step in steps if (name := started(step))}


def _links(callers: dict[str, tuple[Step, str]]) -> Iterator[Link]:
    for step, consumer in callers.values():
        for argument in step.arguments:
            for reference in references(argument.value):
                if reference.step in callers:
                    yield Link(
                        producer=callers[reference.step][1],
                        output=reference.name,
                        consumer=consumer,
                        input=argument.name,
                        kind="parameter",
                    )
