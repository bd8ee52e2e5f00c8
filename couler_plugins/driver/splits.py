"""Which steps of a workflow went into which part: the parts of a plan, brought to the workflow that they are of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from couler_plugins.driver.results import WorkflowVersions
from couler_plugins.ir import Call, Graph, Workflow, callables
from couler_plugins.plan import Part

__all__ = ["Split", "entry_graph", "split_of"]


@dataclass(frozen=True)
class Split:
    """A workflow that was split.

    Attributes:
        workflow: as it was before that.
        graph: the graph whose steps were distributed.
        after: what was left of it.
        parts: the parts of its steps, in an order in which they may start.
        groups: parts of parts, where what started them was itself too big; inner ones first.
    """

    workflow: Workflow
    graph: Graph
    after: Workflow
    parts: tuple[Part, ...]
    groups: tuple[Part, ...]

    @cached_property
    def part_of(self) -> Mapping[str, Part]:
        """The part of each step, by its name."""
        return _owners(self.parts)

    @cached_property
    def paths(self) -> Mapping[str, tuple[str, ...]]:
        """The parts that each step is in, by its name: from the outermost group down to its own part."""
        above = _owners(self.groups)
        outer: dict[str, tuple[str, ...]] = {}
        for part in (*reversed(self.groups), *self.parts):  # groups of groups come first then
            holder = above.get(part.name)
            outer[part.name] = (*(outer[holder.name] if holder else ()), part.name)
        return {step: outer[part.name] for step, part in self.part_of.items()}

    @property
    def into_graphs(self) -> bool:
        """Whether the parts are graphs of the same workflow, and no workflows of their own."""
        return {part.name for part in self.parts} <= {graph.name for graph in self.after.graphs}


def entry_graph(workflow: Workflow) -> Graph | None:
    """The graph that a workflow runs; None where it runs none."""
    call = workflow.entry.call if workflow.entry is not None else None
    callee = callables(workflow).get(call.name) if isinstance(call, Call) else None
    return callee if isinstance(callee, Graph) else None


def split_of(item: WorkflowVersions, parts: Sequence[Part]) -> Split | None:
    """How a workflow was split; None where it was not.

    Args:
        item: the workflow.
        parts: all that there are.
    """
    versions = [workflow for workflow in item.versions if workflow is not None]
    for workflow in reversed(versions):
        graph = entry_graph(workflow)
        steps = {step.name for step in graph.steps} if graph is not None else set()
        named = [part for part in parts if part.workflow == workflow.label]
        own = [part for part in named if part.steps and steps.issuperset(part.steps)]
        if graph is not None and own:
            names = {part.name for part in own}
            groups = []
            for part in named:
                if part not in own and names.issuperset(part.steps):
                    groups.append(part)
                    names.add(part.name)
            return Split(workflow, graph, versions[-1], tuple(own), tuple(groups))
    return None


def _owners(parts: Iterable[Part]) -> dict[str, Part]:
    owners: dict[str, Part] = {}
    for part in parts:
        for step in part.steps:
            owners.setdefault(step, part)
    return owners
