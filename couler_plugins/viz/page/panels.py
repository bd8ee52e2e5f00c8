"""Panels and sections of a page: one panel a graph with all of its versions, and which workflows there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from couler_plugins.driver.results import Result, WorkflowVersions
from couler_plugins.ir import Call, Graph, Operation, Step, Workflow, call_sites, callables
from couler_plugins.plan import Decision
from couler_plugins.viz.diagrams.drawing import End, links
from couler_plugins.viz.diagrams.labels import describe_call


@dataclass(slots=True, eq=False)
class Node:
    """A step, or (without any) the junction of a barrier.

    Attributes:
        number: unique on the page.
        panel: where it is drawn.
        name: of the step.
        steps: the step in each version that has it.
        role: what it is if not a step of a graph.
        shown: the versions that have it.
    """

    number: int
    panel: Panel
    name: str
    steps: dict[int, Step] = field(default_factory=dict)
    role: str = ""
    shown: set[int] = field(default_factory=set)

    @property
    def title(self) -> str:
        """What to call it where it is drawn: an entry or a handler is known by what it calls."""
        return describe_call(self.steps[max(self.steps)].call) if self.role else self.name

    @property
    def label(self) -> str:
        """How decisions and edits call it; empty for the entry and the handlers of a workflow."""
        return f"{self.panel.graph}/{self.name}" if self.panel.graph else ""


@dataclass(slots=True)
class Line:
    """An edge: its kind, the versions that have it, and what is written on it."""

    kind: str
    label: str
    shown: set[int] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Panel:
    """One graph in all its versions, or (with an empty name) what stands outside of all graphs.

    Attributes:
        number: unique on the page.
        graph: its name.
        nodes: its steps, by name, and its junctions.
        lines: its edges, by the numbers of the nodes at their ends.
        shown: the versions that have it.
    """

    number: int
    graph: str
    nodes: dict[End, Node] = field(default_factory=dict)
    lines: dict[tuple[int, int], Line] = field(default_factory=dict)
    shown: set[int] = field(default_factory=set)

    @property
    def steps(self) -> list[Node]:
        """The nodes that are steps."""
        return [node for node in self.nodes.values() if node.steps]


def workflow_panels(
    versions: Sequence[Workflow | None], panel_numbers: Iterator[int], node_numbers: Iterator[int]
) -> list[Panel]:
    """The panels of one workflow: the graphs from the entry down, then what stands outside of graphs.

    Args:
        versions: the workflow before, in between and after.
        panel_numbers, node_numbers: give each its number on the page.
    """
    result: list[Panel] = []
    panels: dict[str, Panel] = {}
    for version, workflow in enumerate(versions):
        if workflow is None:
            continue
        by_name = callables(workflow)
        for graph in _from_the_entry(workflow, by_name):
            panel = panels.get(graph.name)
            if panel is None or not _goes_on(panel, graph):
                result.append(panel := Panel(next(panel_numbers), graph.name))
                panels[graph.name] = panel
            panel.shown.add(version)
            _add_graph(panel, graph, by_name, version, node_numbers)
        for role, step in _outer(workflow, by_name):
            if "" not in panels:
                result.append(Panel(next(panel_numbers), ""))
            panel = panels.setdefault("", result[-1])
            panel.shown.add(version)
            _add(panel, f"{role} {step.name}", step, version, node_numbers).role = role
    return sorted(result, key=lambda panel: not panel.graph)


def _goes_on(panel: Panel, graph: Graph) -> bool:
    """Whether the graph has a step that it had before; else it is a picture of its own, with room for no other."""
    return not graph.steps or not panel.steps or any(step.name in panel.nodes for step in graph.steps)


def _outer(workflow: Workflow, by_name: dict[str, Graph | Operation]) -> Iterator[tuple[str, Step]]:
    entry = workflow.entry
    callee = by_name.get(entry.call.name) if entry and isinstance(entry.call, Call) else None
    if entry is not None and not isinstance(callee, Graph):
        yield "starts first", entry
    yield from (
        ("runs at the end" if handler.event == "exit" else "runs on an event", handler.step)
        for handler in workflow.handlers
    )
    if workflow.library:
        called = {site.step.call.name for site in call_sites(workflow) if isinstance(site.step.call, Call)}
        uncalled = (item.name for item in workflow.operations if item.name not in called)
        yield from (("for others to call", Step(name=name, call=Call(name=name))) for name in uncalled)


def _from_the_entry(workflow: Workflow, by_name: dict[str, Graph | Operation]) -> list[Graph]:
    """The graphs in the order in which one meets them reading from the entry, then the rest."""
    outer = [workflow.entry] if workflow.entry else []
    pending = [*outer, *(handler.step for handler in workflow.handlers)]
    graphs: dict[str, Graph] = {}
    for step in pending:
        callee = by_name.get(step.call.name) if isinstance(step.call, Call) else None
        if isinstance(callee, Graph) and callee.name not in graphs:
            graphs[callee.name] = callee
            pending.extend(callee.steps)
            pending.extend(handler.step for inner in callee.steps for handler in inner.handlers)
    return [*graphs.values(), *(graph for graph in workflow.graphs if graph.name not in graphs)]


def _add_graph(
    panel: Panel, graph: Graph, by_name: dict[str, Graph | Operation], version: int, numbers: Iterator[int]
) -> None:
    for step in graph.steps:
        _add(panel, step.name, step, version, numbers)
    for link in links(graph, by_name):
        start, end = (_end(panel, item, version, numbers) for item in (link.start, link.end))
        panel.lines.setdefault((start.number, end.number), Line(link.kind, link.label)).shown.add(version)


def _end(panel: Panel, end: End, version: int, numbers: Iterator[int]) -> Node:
    node = panel.nodes.get(end) or panel.nodes.setdefault(end, Node(next(numbers), panel, ""))
    node.shown.add(version)
    return node


def _add(panel: Panel, key: End, step: Step, version: int, numbers: Iterator[int]) -> Node:
    node = _end(panel, key, version, numbers)
    node.name = step.name or node.name
    node.steps[version] = step
    return node


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """One workflow.

    Attributes:
        file: the position of its file; None for one that an optimizer made.
        document: the number of its document in that file.
        versions: the workflow in each version of the page.
        panels: its graphs.
    """

    file: int | None
    document: int | None
    versions: tuple[Workflow | None, ...]
    panels: tuple[Panel, ...]

    @property
    def workflow(self) -> Workflow:
        """The first version there is."""
        return next(workflow for workflow in self.versions if workflow is not None)

    @property
    def anchor(self) -> str:
        """What links to it say; empty where nothing of it is drawn."""
        return f"w{self.panels[0].number}" if self.panels else ""

    @property
    def steps(self) -> list[Node]:
        """The nodes of its panels that are steps."""
        return [node for panel in self.panels for node in panel.steps]

    def is_about(self, decision: Decision) -> bool:
        """Whether a decision is about this workflow."""
        source = self.workflow.source
        if decision.document is not None and source is not None:
            return decision.document == source[0]
        return any(workflow is not None and workflow.label == decision.workflow for workflow in self.versions)


def page_versions(result: Result) -> list[int]:
    """The versions worth looking at: as read, and after each optimizer that changed a workflow."""
    return [0] + [
        number
        for number in range(1, len(result.optimizers) + 1)
        if any(_differs(item, number) for item in result.workflow_versions)
    ]


def _differs(item: WorkflowVersions, number: int) -> bool:
    before, after = item.versions[number - 1], item.versions[number]
    return before is not after and before != after


def page_sections(result: Result, versions: Sequence[int]) -> list[Section]:
    """The workflows of a result in some of its versions, in the order of the files."""
    panel_numbers, node_numbers = count(), count()
    ordered = sorted(
        result.workflow_versions,
        key=lambda item: (item.file is None, item.file or 0, item.document or 0),
    )
    sections = []
    for item in ordered:
        shown = tuple(item.versions[number] for number in versions)
        if any(workflow is not None for workflow in shown):
            panels = tuple(workflow_panels(shown, panel_numbers, node_numbers))
            sections.append(Section(item.file, item.document, shown, panels))
    return sections
