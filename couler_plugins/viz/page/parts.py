"""Parts of workflows that were split: which steps are in which, how each looks, and what starts them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property

from couler_plugins.driver.results import Result, WorkflowVersions
from couler_plugins.ir import Call, Graph, Workflow, callables
from couler_plugins.plan import Part
from couler_plugins.viz.page.panels import Node, Panel, Section


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


HUES = 12
"""How many colours there are; the style sheet has them. Beyond, they repeat with a texture."""
TEXTURES = 4
"""No texture, and three that are drawn over the colour."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How a part is known: its name, and its place among the parts of its workflow, which its looks follow from."""

    name: str
    place: int

    @property
    def style(self) -> str:
        """The classes of what belongs to it."""
        return f"part q{self.place % HUES}"

    @property
    def texture(self) -> int:
        """Which texture is drawn over its colour; 0 for none."""
        return self.place // HUES % TEXTURES


@dataclass(slots=True)
class Parts:
    """All parts of a page.

    Attributes:
        count: how many there are, of all workflows.
        marks: of the workflow with the most parts, in their order.
        of: of nodes, by their numbers.
        panels: of the graphs that a part became, by the numbers of their panels.
        moved: the numbers of the nodes of steps that went into a part: where they were, and where they are.
        crossing: the edges between parts in the picture of the whole, by the numbers of the nodes at their ends.
    """

    count: int = 0
    marks: Sequence[Mark] = ()
    of: dict[int, Mark] = field(default_factory=dict)
    panels: dict[int, Mark] = field(default_factory=dict)
    moved: set[int] = field(default_factory=set)
    crossing: set[tuple[int, int]] = field(default_factory=set)


def find_parts(result: Result, sections: Sequence[Section]) -> Parts:
    """The parts that the workflows of a page were split into."""
    parts = Parts()
    sections_made = [section for section in sections if section.file is None]
    by_place = {(section.file, section.document): section for section in sections if section.file is not None}
    for item in result.workflow_versions:
        split = split_of(item, result.parts)
        section = by_place.get((item.file, item.document)) if item.file is not None else None
        if section is None or split is None:
            continue
        marks = {part.name: Mark(part.name, place) for place, part in enumerate(split.parts)}
        parts.count += len(marks)
        if len(marks) > len(parts.marks):
            parts.marks = tuple(marks.values())
        for panel in section.panels:
            if panel.graph == split.graph.name:
                _mark_whole(parts, panel, split, marks)
        _mark_parts(parts, [panel for one in (section, *sections_made) for panel in one.panels], split, marks)
    return parts


def _mark_whole(parts: Parts, panel: Panel, split: Split, marks: Mapping[str, Mark]) -> None:
    """Marks the steps of the graph as it was, and those that start the parts now."""
    whole: dict[int, Mark] = {}
    for node in panel.steps:
        part = split.part_of.get(node.name)
        if part is not None:
            whole[node.number] = marks[part.name]
        elif node.name in marks:
            parts.of[node.number] = marks[node.name]
    parts.of |= whole
    parts.moved |= whole.keys()
    parts.crossing |= {pair for pair in panel.lines if _differ(whole.get(pair[0]), whole.get(pair[1]))}


def _mark_parts(parts: Parts, panels: Sequence[Panel], split: Split, marks: Mapping[str, Mark]) -> None:
    """Marks the graphs that the parts became."""
    steps: dict[str, Set[str]] = {part.name: set(part.steps) for part in split.parts}
    for panel in panels:
        names = {node.name: node for node in panel.steps}
        if panel.graph in marks and steps[panel.graph] <= names.keys():
            parts.panels[panel.number] = marks[panel.graph]
            parts.of |= {node.number: marks[panel.graph] for node in panel.steps}
            parts.moved |= {names[step].number for step in steps[panel.graph]}
        elif panel.graph != split.graph.name:  # what a part begins with
            parts.of |= {node.number: marks[node.name] for node in panel.steps if node.name in marks}


def _differ(one: Mark | None, other: Mark | None) -> bool:
    return one is not None and other is not None and one.place != other.place


def of_several(parts: Parts, nodes: Sequence[Node]) -> bool:
    """Whether nodes are of more than one part, so that each has to say of which."""
    return len({mark.place for node in nodes if (mark := parts.of.get(node.number))}) > 1
