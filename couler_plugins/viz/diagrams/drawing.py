"""What a picture shows before it is written in any notation: nodes, and what leads to what. Linear in its size."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise, zip_longest
from typing import Literal, NamedTuple
from typing import Literal as OneOf

from couler_plugins.ir import Call, Graph, GraphView, Handler, Operation, Step, Workflow, callables, needed
from couler_plugins.plan import Part
from couler_plugins.viz.diagrams.labels import describe, outcomes, step_lines

End = str | int
"""A step, by its name, or a junction, by its number in the graph."""


class Link(NamedTuple):
    """The end waits for the start (`order`), or reads from it (`data`); the label is empty in the usual case."""

    start: End
    end: End
    kind: Literal["order", "data"] = "order"
    label: str = ""


def links(graph: Graph, by_name: Mapping[str, Graph | Operation]) -> Iterator[Link]:
    """All links: first those of barriers (between stages and before finalizers), then those of needs and of data.

    Two steps are linked once, as `order` where they are both. Linear in the size of the graph.
    """
    names = {step.name for step in graph.steps}
    labels = {(need.step, step.name): outcomes(need) for step in graph.steps for need in needed(step.needs)}
    seen: set[tuple[End, End]] = set()
    for link in _barriers(graph, names):
        seen.add((link.start, link.end))
        yield link
    for edge in GraphView(graph, by_name).edges():
        pair = (edge.before, edge.after)
        if edge.before in names and pair not in seen:
            seen.add(pair)
            yield Link(*pair, "order" if edge.why == "order" else "data", labels.get(pair, ""))


def _barriers(graph: Graph, names: set[str]) -> Iterator[Link]:
    stages = [[name for name in stage if name in names] for stage in graph.stages or ()]
    groups = [stage for stage in stages if stage]
    finalizers = [name for name in graph.finalizers if name in names]
    if finalizers:
        others = [step.name for step in graph.steps if step.name not in set(finalizers)]
        groups = [*(groups or ([others] if others else [])), finalizers]
    numbers = count()
    for before, after in pairwise(groups):
        yield from _barrier(before, after, numbers)


def _barrier(before: Sequence[str], after: Sequence[str], numbers: Iterator[int]) -> Iterator[Link]:
    if len(before) == len(after) == 1:
        yield Link(before[0], after[0])
        return
    junction = next(numbers)
    yield from (Link(name, junction) for name in before)
    yield from (Link(junction, name) for name in after)


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
    """An edge: `order` (ends before), `data` (reads from), `calls`, or `handles` (runs on an event of).

    One that `crosses` leads from one part of a split to another.
    """

    start: str
    end: str
    kind: Kind
    label: str = ""
    crosses: bool = False


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


def draw(workflows: Iterable[Workflow], parts: Iterable[Sequence[Part]] = ()) -> Drawing:
    """The picture of some workflows, in their order.

    Each shows the graphs that its entry and its handlers reach, each once; a library shows all of its graphs.

    Args:
        workflows: what to draw.
        parts: of each workflow, the parts that the graph which it runs is split into: each gets a frame around its
            steps. None of any unless given.
    """
    drawing = Drawing()
    for workflow, own in zip_longest(workflows, parts, fillvalue=()):
        assert isinstance(workflow, Workflow), "parts of no workflow"
        _Artist(drawing, workflow, own).draw()
    return drawing


class _Artist:
    def __init__(self, drawing: Drawing, workflow: Workflow, parts: Sequence[Part]) -> None:
        self.drawing = drawing
        self.workflow = workflow
        self.parts = parts
        entry = workflow.entry.call if workflow.entry is not None else None
        self.split = entry.name if parts and isinstance(entry, Call) else ""
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
            self.enter(self.box(self.frame, "handler", tuple(_handler_lines(handler))), handler.step)
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
        frames = self.frames(cluster) if graph.name == self.split else {}
        for step in graph.steps:
            frame = frames.get(step.name, cluster)
            shape: Shape = "call" if self.callee(step) else "step"
            boxes[step.name] = box = self.box(frame, shape, tuple(step_lines(step)))
            self.enter(box, step)
            for handler in step.handlers:
                handling = self.box(frame, "handler", tuple(_handler_lines(handler)))
                self.arrow(box, handling, "handles")
                self.enter(handling, handler.step)
        waiting = self.links(graph, cluster, boxes, frames)
        for name, box in boxes.items():
            if name not in waiting:
                self.arrow(start, box, "order")

    def frames(self, cluster: Cluster) -> dict[End, Cluster]:
        """A frame for each part of a split, by the names of its steps."""
        frames: dict[End, Cluster] = {}
        for part in self.parts:
            frame = self.cluster(f"{part.name} ({len(part.steps):,} step{'' if len(part.steps) == 1 else 's'})")
            cluster.clusters.append(frame)
            frames.update(dict.fromkeys(part.steps, frame))
        return frames

    def links(
        self, graph: Graph, cluster: Cluster, boxes: Mapping[str, Box], frames: Mapping[End, Cluster]
    ) -> set[End]:
        """Draws what leads to what; returns what something leads to."""
        ends: dict[End, Box] = {}
        ends.update(boxes.items())
        waiting: set[End] = set()
        for link in links(graph, self.by_name):
            for end in (link.start, link.end):
                if end not in ends:
                    ends[end] = self.box(cluster, "junction")
            crosses = len({id(frames[end]) for end in (link.start, link.end) if end in frames}) > 1
            self.arrow(ends[link.start], ends[link.end], link.kind, link.label, crosses=crosses)
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

    def arrow(self, start: Box, end: Box, kind: Kind, label: str = "", *, crosses: bool = False) -> None:
        self.drawing.arrows.append(Arrow(start.id, end.id, kind, label, crosses))


def _handler_lines(handler: Handler) -> Iterator[str]:
    yield from step_lines(handler.step)
    yield "on exit" if handler.event == "exit" else f"once {describe(handler.condition)}"
