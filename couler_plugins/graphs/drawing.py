"""What a picture shows, before it is written in any notation. Linear in the size of the workflows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal as OneOf

from couler_plugins.graphs.labels import describe, step_lines
from couler_plugins.graphs.links import End, links
from couler_plugins.ir import Call, Graph, Handler, Operation, Step, Workflow, callables

__all__ = ["Arrow", "Box", "Cluster", "Drawing", "draw"]

Shape = OneOf["start", "step", "call", "handler", "junction"]
Kind = OneOf["order", "data", "calls", "handles"]


@dataclass(frozen=True, slots=True)
class Box:
    """A node: `start` (of a workflow or graph), `step`, `call` (a step that calls a graph), `handler` or `junction`."""

    id: str
    shape: Shape
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge: `order` (ends before), `data` (reads from), `calls`, or `handles` (runs on an event of)."""

    start: str
    end: str
    kind: Kind
    label: str = ""


@dataclass(slots=True)
class Cluster:
    """A frame with a title around boxes and other frames."""

    id: str
    title: str
    boxes: list[Box] = field(default_factory=list)
    clusters: list[Cluster] = field(default_factory=list)


@dataclass(slots=True)
class Drawing:
    """Frames, one a workflow, and the arrows between what is in them."""

    clusters: list[Cluster] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    boxes: int = 0


def draw(workflows: Iterable[Workflow]) -> Drawing:
    """The picture of some workflows, in their order.

    Each shows the graphs that its entry and its handlers reach, each once; a library shows all of its graphs.
    """
    drawing = Drawing()
    for workflow in workflows:
        _Artist(drawing, workflow).draw()
    return drawing


class _Artist:
    def __init__(self, drawing: Drawing, workflow: Workflow) -> None:
        self.drawing = drawing
        self.workflow = workflow
        self.by_name = callables(workflow)
        self.frame = self.cluster(f"{workflow.kind} {workflow.label}")
        drawing.clusters.append(self.frame)
        self.starts: dict[str, Box] = {}
        self.pending: deque[Graph] = deque()

    def draw(self) -> None:
        workflow = self.workflow
        if workflow.entry is not None:
            self.call(self.box(self.frame, "start", ("start",)), workflow.entry, "")
        for handler in workflow.handlers:
            box = self.box(self.frame, "handler", tuple(_handler_lines(handler)))
            self.enter(box, handler.step)
        if workflow.library:
            for graph in workflow.graphs:
                self.start(graph)
            called = {
                step.call.name for graph in workflow.graphs for step in graph.steps if isinstance(step.call, Call)
            }
            for operation in workflow.operations:
                if operation.name not in called:
                    self.box(self.frame, "step", (operation.name,))
        while self.pending:
            self.graph(self.pending.popleft())

    def graph(self, graph: Graph) -> None:
        cluster = self.cluster(graph.name)
        self.frame.clusters.append(cluster)
        start = self.starts[graph.name]
        cluster.boxes.append(start)
        boxes: dict[str, Box] = {}
        for step in graph.steps:
            shape: Shape = "call" if self.callee(step) else "step"
            boxes[step.name] = box = self.box(cluster, shape, tuple(step_lines(step)))
            self.enter(box, step)
            for handler in step.handlers:
                handling = self.box(cluster, "handler", tuple(_handler_lines(handler)))
                self.arrow(box, handling, "handles")
                self.enter(handling, handler.step)
        waiting = self.links(graph, cluster, boxes)
        for name, box in boxes.items():
            if name not in waiting:
                self.arrow(start, box, "order")

    def links(self, graph: Graph, cluster: Cluster, boxes: Mapping[str, Box]) -> set[End]:
        """Draws what leads to what; returns what something leads to."""
        ends: dict[End, Box] = {}
        ends.update(boxes.items())
        waiting: set[End] = set()
        for link in links(graph, self.by_name):
            for end in (link.start, link.end):
                if end not in ends:
                    ends[end] = self.box(cluster, "junction")
            self.arrow(ends[link.start], ends[link.end], link.kind, link.label)
            waiting.add(link.end)
        return waiting

    def enter(self, box: Box, step: Step) -> None:
        """Draws the call of a graph; a call of an operation is the box itself."""
        callee = self.callee(step)
        if callee is not None:
            self.arrow(box, self.start(callee), "calls")

    def call(self, box: Box, step: Step, label: str) -> None:
        """Draws the call of a graph or an operation by something that is no step."""
        if self.callee(step) is not None:
            self.enter(box, step)
        else:
            self.arrow(box, self.box(self.frame, "step", tuple(step_lines(step))), "calls", label)

    def callee(self, step: Step) -> Graph | None:
        callee: Graph | Operation | None = self.by_name.get(step.call.name) if isinstance(step.call, Call) else None
        return callee if isinstance(callee, Graph) else None

    def start(self, graph: Graph) -> Box:
        """The box where a graph begins; on first use, the graph is put down to be drawn."""
        if graph.name not in self.starts:
            self.starts[graph.name] = self.new_box("start", (graph.name,))
            self.pending.append(graph)
        return self.starts[graph.name]

    def cluster(self, title: str) -> Cluster:
        self.drawing.boxes += 1
        return Cluster(f"g{self.drawing.boxes}", title)

    def box(
        self,
        cluster: Cluster,
        shape: Shape,
        lines: tuple[str, ...] = (),
    ) -> Box:
        box = self.new_box(shape, lines)
        cluster.boxes.append(box)
        return box

    def new_box(self, shape: Shape, lines: tuple[str, ...]) -> Box:
        self.drawing.boxes += 1
        return Box(f"n{self.drawing.boxes}", shape, lines)

    def arrow(self, start: Box, end: Box, kind: Kind, label: str = "") -> None:
        self.drawing.arrows.append(Arrow(start.id, end.id, kind, label))


def _handler_lines(handler: Handler) -> Iterator[str]:
    yield from step_lines(handler.step)
    yield "on exit" if handler.event == "exit" else f"once {describe(handler.condition)}"
