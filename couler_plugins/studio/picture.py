"""Pictures of workflows: boxes and arrows with positions; graphs that somebody opened are drawn in place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from couler_plugins.ir import (
    Argument,
    Call,
    External,
    Graph,
    Operation,
    Step,
    Workflow,
    call_sites,
    callables,
    references,
)
from couler_plugins.studio.messages import Edge, Node, Picture
from couler_plugins.viz.diagrams.drawing import End, links
from couler_plugins.viz.diagrams.labels import describe_call
from couler_plugins.viz.page.facts import image_name
from couler_plugins.viz.page.layout import lay_out

HEIGHT, JUNCTION, HEADER, PADDING = 52, (64, 6), 34, 18
NARROWEST, WIDEST = 150, 250
LETTER = 7.2
"""The width of a letter of a label, in pixels."""

Callees = Mapping[str, Graph | Operation]


def draw_picture(workflow: Workflow, opened: Collection[str] = ()) -> Picture:
    """Return the picture of a workflow.

    Args:
        workflow: what to draw.
        opened: the ids of nodes that are shown with their graph inside.
    """
    top, outer = _top(workflow)
    artist = _Artist(callables(workflow), frozenset(opened))
    nodes, edges, (width, height) = artist.graph(top, "", outer)
    return Picture(nodes=nodes, edges=edges, width=width, height=height)


def step_at(workflow: Workflow, node: str) -> tuple[str, Step] | None:
    """Return the graph (empty for none) and the step that a node stands for; None where there is no such node.

    Args:
        workflow: the workflow.
        node: the node's id.
    """
    by_name = callables(workflow)
    graph, outer = _top(workflow)
    first, *others = node.split("/")
    sites = {id_: ("", step) for id_, step, _ in outer} | {step.name: (graph.name, step) for step in graph.steps}
    site = sites.get(first)
    for part in others:
        callee = by_name.get(site[1].call.name) if site is not None and isinstance(site[1].call, Call) else None
        steps = callee.steps if isinstance(callee, Graph) else ()
        site = next(((callee.name, step) for step in steps if step.name == part), None) if callee is not None else None
    return site


def _top(workflow: Workflow) -> tuple[Graph, list[tuple[str, Step, str]]]:
    """The graph that is drawn first, and what stands beside it: the id, the step, and what it is there for."""
    by_name = callables(workflow)
    entry = workflow.entry
    callee = by_name.get(entry.call.name) if entry is not None and isinstance(entry.call, Call) else None
    uncalled = list(_uncalled(workflow))
    graphs = [by_name[name] for name in uncalled if isinstance(by_name[name], Graph)]
    if entry is None and len(graphs) == 1:
        callee = graphs[0]
    top = callee if isinstance(callee, Graph) else Graph(name="", steps=(entry,) if entry is not None else ())
    steps = (Step(name=name, call=Call(name=name)) for name in uncalled if name != top.name)
    outer = [(f"@{step.name}", step, "") for step in steps]
    handlers = (handler.step for handler in workflow.handlers)
    outer += [(f"!{step.name or number}", step, "handler") for number, step in enumerate(handlers)]
    return top, outer


def _uncalled(workflow: Workflow) -> Iterator[str]:
    """The names of the graphs and operations of a library that nothing in it calls: others may."""
    if not workflow.library and workflow.entry is not None:
        return
    called = {site.step.call.name for site in call_sites(workflow) if isinstance(site.step.call, Call)}
    yield from (item.name for item in callables(workflow).values() if item.name not in called and not item.inline)


class _Artist:
    def __init__(self, by_name: Callees, opened: frozenset[str]) -> None:
        self._by_name = by_name
        self._opened = opened

    def callee(self, step: Step) -> Graph | Operation | None:
        return _callee(step, self._by_name)

    def graph(
        self, graph: Graph, parent: str, outer: Sequence[tuple[str, Step, str]] = ()
    ) -> tuple[list[Node], list[Edge], tuple[float, float]]:
        """The nodes and edges of a graph, all that is opened in it included, and its size."""
        prefix = f"{parent}/" if parent else ""
        boxes: list[tuple[Node, list[Node], list[Edge]]] = []
        width = self._width([*graph.steps, *(step for _, step, _ in outer)])
        number: dict[End, int] = {}
        for step in graph.steps:
            number[step.name] = len(boxes)
            boxes.append(self._box(step, graph.name, f"{prefix}{step.name}", parent, width))
        for id_, step, role in outer:
            boxes.append(self._box(step, "", id_, parent, width, role))
        arrows: dict[tuple[int, int], str] = {}
        for link in links(graph, self._by_name):
            for end in (link.start, link.end):
                if end not in number:
                    number[end] = len(boxes)
                    boxes.append((_junction(f"{prefix}~{end}", parent), [], []))
            if link.start != link.end:
                arrows[number[link.start], number[link.end]] = link.kind
        sizes = [(round(node.width), round(node.height)) for node, _, _ in boxes]
        layout = lay_out(sizes, list(arrows))
        top = HEADER if parent else 0
        nodes: list[Node] = []
        edges: list[Edge] = []
        for (node, inner, inner_edges), (x, y) in zip(boxes, layout.places, strict=True):
            node.x, node.y = float(x), float(y + top)
            nodes += [node, *inner]
            edges += inner_edges
        steps = {step.name: step for step in graph.steps}
        for (start, end), kind in arrows.items():
            source, target = boxes[start][0], boxes[end][0]
            labels = _passed(steps.get(source.step), steps.get(target.step)) if kind == "data" or target.step else []
            edge = Edge(source=source.id, target=target.id, kind="data" if kind == "data" else "order", labels=labels)
            edges.append(edge)
        return nodes, edges, (float(layout.size[0]), float(layout.size[1] + top))

    def _width(self, steps: Sequence[Step]) -> int:
        longest = max((len(step.name) for step in steps), default=0)
        return round(max(NARROWEST, min(WIDEST, longest * LETTER + 44)))

    def _box(  # all that a box says
        self, step: Step, graph: str, id_: str, parent: str, width: int, role: str = ""
    ) -> tuple[Node, list[Node], list[Edge]]:
        callee = self.callee(step)
        kind = "graph" if isinstance(callee, Graph) else "external" if isinstance(step.call, External) else "step"
        node = Node(
            id=id_,
            graph=graph,
            step=step.name,
            label=step.name or describe_call(step.call),
            kind="handler" if role else kind,  # type: ignore[arg-type]  # one of the four words
            detail=_detail(step, callee, self._by_name),
            parent=parent,
            x=0,
            y=0,
            width=width,
            height=HEIGHT,
            inputs=[port.name for port in callee.inputs] if callee is not None else [],
            outputs=[port.name for port in callee.outputs] if callee is not None else [],
        )
        if not isinstance(callee, Graph) or id_ not in self._opened or id_.count("/") > MOST_LEVELS:
            return node, [], []
        nodes, edges, (inner_width, inner_height) = self.graph(callee, id_)
        node.width, node.height = max(width, inner_width + PADDING), inner_height + PADDING
        return node, nodes, edges


MOST_LEVELS = 20
"""Graphs that call themselves can be opened as deep as this."""


def _detail(step: Step, callee: Graph | Operation | None, by_name: Callees) -> str:
    if isinstance(callee, Graph):
        return f"{len(callee.steps)} step{'s' if len(callee.steps) != 1 else ''}"
    return image_name(step, by_name) or describe_call(step.call)


def _junction(id_: str, parent: str) -> Node:
    width, height = JUNCTION
    return Node(
        id=id_, graph="", step="", label="", kind="barrier", parent=parent, x=0, y=0, width=width, height=height
    )


def _passed(source: Step | None, target: Step | None) -> list[str]:
    """What a step passes to another: `output → input`."""
    if source is None or target is None:
        return []
    arguments: tuple[Argument, ...] = target.arguments
    return [
        f"{reference.name} → {argument.name}"
        for argument in arguments
        for reference in references(argument)
        if reference.step == source.name and reference.to == "output"
    ]


def mark_changes(before: Picture, after: Picture, old: Workflow | None, new: Workflow | None) -> None:
    """Write the status of each node into two pictures, from the two versions of the workflow that they show."""
    firsts, lasts = _contents(old), _contents(new)
    for picture, other in ((before, lasts), (after, firsts)):
        own = firsts if picture is before else lasts
        for node in picture.nodes:
            key = (node.graph, node.step)
            if node.kind == "barrier" or key not in own:
                continue
            if key not in other:
                node.status = "removed" if picture is before else "added"
            elif other[key] != own[key]:
                node.status = "changed"


def _contents(workflow: Workflow | None) -> dict[tuple[str, str], tuple[Step, object]]:
    """What each step is, and what it runs where that is no graph."""
    if workflow is None:
        return {}
    by_name = callables(workflow)
    top, outer = _top(workflow)
    sites = [("", step) for _, step, _ in outer] + ([] if top.name else [("", step) for step in top.steps])
    sites += [(graph.name, step) for graph in workflow.graphs for step in graph.steps]
    contents: dict[tuple[str, str], tuple[Step, object]] = {}
    for graph, step in sites:
        callee = by_name.get(step.call.name) if isinstance(step.call, Call) else None
        contents[graph, step.name] = (step, callee if isinstance(callee, Operation) else None)
    return contents


def ids_of(workflow: Workflow) -> dict[tuple[str, str], str]:
    """Return the id of the node of each step, by its graph and its name; of a graph that is called twice, the first."""
    by_name = callables(workflow)
    top, outer = _top(workflow)
    ids = {("", step.name): id_ for id_, step, _ in outer}
    pending = [(top, "")]
    pending += [(callee, id_) for id_, step, _ in outer if isinstance(callee := _callee(step, by_name), Graph)]
    drawn = set()
    for graph, parent in pending:
        if graph.name in drawn:
            continue
        drawn.add(graph.name)
        for step in graph.steps:
            id_ = ids[graph.name, step.name] = f"{parent}/{step.name}" if parent else step.name
            if isinstance(callee := _callee(step, by_name), Graph):
                pending.append((callee, id_))
    return ids


def _callee(step: Step, by_name: Callees) -> Graph | Operation | None:
    return by_name.get(step.call.name) if isinstance(step.call, Call) else None
