"""Graphs as directed graphs: edges, order, cycles; one alone, or a whole workflow. Nothing else uses rustworkx."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import rustworkx

from couler_plugins.errors import Unsupported
from couler_plugins.ir.needs import needed
from couler_plugins.ir.values import ANY_STEP, Expression, FirstOf, Reference
from couler_plugins.ir.walk import callables, inline_callees, nodes, references, written_inline
from couler_plugins.ir.workflow import Call, Graph, Operation, Step, Workflow


class Edge(NamedTuple):
    """`after` cannot start before `before` has ended (`order`), or reads what it makes (`data`)."""

    before: str
    after: str
    why: str


class GraphView:
    """The steps of one graph and the edges between them.

    Barriers between stages and before finalizers are not edges (they would be quadratic in number); `order` and
    `layers` heed them.

    Args:
        graph: the graph to look at.
        by_name: the callables of its workflow, or just the inline ones, to find references inside those.
    """

    def __init__(self, graph: Graph, by_name: Mapping[str, Graph | Operation] | None = None) -> None:
        self.graph = graph
        self._by_name = by_name or {}
        self._number = {step.name: number for number, step in enumerate(graph.steps)}

    def edges(self) -> Iterator[Edge]:
        """All edges from needs and from data, in the order of the steps; a pair may occur as both."""
        for step, waits in zip(self.graph.steps, self.waits, strict=True):
            for name in waits:
                yield Edge(name, step.name, "order")
            for name in self.reads[step.name]:
                yield Edge(name, step.name, "data")

    @cached_property
    def waits(self) -> list[tuple[str, ...]]:
        """For each step, in order, the steps that its needs name; each once."""
        return [
            () if step.needs is None else tuple(dict.fromkeys(need.step for need in needed(step.needs)))
            for step in self.graph.steps
        ]

    @cached_property
    def references(self) -> list[tuple[Reference, ...]]:
        """For each step, in order, the references that look into the graph, those of its inline callee included."""
        if not self._by_name:
            return [tuple(references(step)) for step in self.graph.steps]
        return [(*references(step), *self._inner_references(step)) for step in self.graph.steps]

    def _inner_references(self, step: Step) -> Iterator[Reference]:
        inline = inline_callees(step, self._by_name)
        inner = {inner.name for callee in inline if isinstance(callee, Graph) for inner in callee.steps}
        return (item for item in references(inline) if item.step and item.step not in inner)

    def chosen(self, step: Step) -> frozenset[str]:
        """Return the steps that an expression of one, or of what is written inside it, may read, or do without."""
        inside = (step, inline_callees(step, self._by_name))
        choices = tuple(node for node in nodes(inside) if isinstance(node, (Expression, FirstOf)))
        return frozenset(reference.step for reference in references(choices))

    @cached_property
    def reads(self) -> dict[str, list[str]]:
        """For each step, the steps whose outputs or status it reads; each once, in order."""
        read = {}
        for step, step_references in zip(self.graph.steps, self.references, strict=True):
            names = dict.fromkeys(reference.step for reference in step_references)
            read[step.name] = [name for name in names if name and name not in (step.name, ANY_STEP)]
        return read

    @cached_property
    def _digraph(self) -> rustworkx.PyDiGraph[str, None]:
        digraph: rustworkx.PyDiGraph[str, None] = rustworkx.PyDiGraph()  # without multigraph, edges are quadratic
        digraph.add_nodes_from([step.name for step in self.graph.steps])
        number, reads = self._number, self.reads
        pairs = {
            (number[before], number[step.name])
            for step, waits in zip(self.graph.steps, self.waits, strict=True)
            for before in (*waits, *reads[step.name])
            if before in number
        }
        digraph.add_edges_from_no_data(sorted(pairs))
        return digraph

    @cached_property
    def _rank(self) -> dict[str, int]:
        """The barriers before each step."""
        stages = self.graph.stages or ()
        rank = {name: number for number, names in enumerate(stages) for name in names}
        return {**rank, **dict.fromkeys(self.graph.finalizers, len(stages) + 1)}

    def against_barriers(self) -> Iterator[Edge]:
        """The edges that a barrier keeps from ever being met: to a step from one of a later stage, or its own."""
        rank, stages = self._rank, self.graph.stages is not None
        for edge in self.edges() if rank else ():
            before, after = rank.get(edge.before, 0), rank.get(edge.after, 0)
            if edge.before in self._number and (before > after or (stages and before == after)):
                yield edge

    def cycle(self) -> list[str]:
        """The names of the steps of one cycle, or nothing."""
        edges = rustworkx.digraph_find_cycle(self._digraph)
        return [self._digraph[node] for node, _ in edges]

    def order(self) -> list[str]:
        """The steps in an order in which they may run; among those that are free, the order of the source.

        Raises:
            ValueError: the graph has a cycle.
        """
        return list(self._order)

    @cached_property
    def _order(self) -> list[str]:
        rank = self._rank
        width = len(str(len(self.graph.steps)))
        key = {name: f"{rank.get(name, 0):09d}/{number:0{width}d}" for name, number in self._number.items()}
        order = list(rustworkx.lexicographical_topological_sort(self._digraph, key=lambda name: key[name]))
        if len(order) < len(self.graph.steps):
            raise ValueError(f"{self.graph.name!r} has a cycle: {' → '.join(self.cycle())}")
        return order

    def predecessors(self, name: str) -> list[str]:
        """The steps that have an edge to this one, in the order of the source."""
        return self._names(self._digraph.predecessor_indices(self._number[name]))

    def successors(self, name: str) -> list[str]:
        """The steps that this one has an edge to, in the order of the source."""
        return self._names(self._digraph.successor_indices(self._number[name]))

    def ancestors(self, name: str) -> set[str]:
        """All steps from which a path leads to this one."""
        return {self._digraph[node] for node in rustworkx.ancestors(self._digraph, self._number[name])}

    def descendants(self, name: str) -> set[str]:
        """All steps to which a path leads from this one."""
        return {self._digraph[node] for node in rustworkx.descendants(self._digraph, self._number[name])}

    def links(self) -> Iterator[tuple[str, str]]:
        """Pairs of steps that run one after the other, with nothing else before the second or after the first.

        Edges that a path makes superfluous do not count: it is the transitive reduction that has no other ones there.
        Two stages with one step each are such a pair. Finalizers are in none.

        Raises:
            ValueError: the graph has a cycle.
        """
        if self.graph.stages is not None:
            groups = [stage for stage in self.graph.stages if stage]
            yield from ((one[0], two[0]) for one, two in pairwise(groups) if len(one) == len(two) == 1)
            return
        place = {name: number for number, name in enumerate(self._order) if name not in self.graph.finalizers}
        for after in place:
            above = [name for name in self.predecessors(after) if name in place]
            before = max(above, key=place.__getitem__, default="")
            below = [name for name in self.successors(before) if name in place] if above else []
            if below and min(below, key=place.__getitem__) == after:
                early, late = {*above} - {before}, {*below} - {after}
                if early <= (self.ancestors(before) if early else early) and late <= (
                    self.descendants(after) if late else late
                ):
                    yield before, after

    def _names(self, nodes: Iterable[int]) -> list[str]:
        return [self._digraph[node] for node in sorted(nodes)]


Place = tuple[str, ...]


class FlatNode(NamedTuple):
    """One run of an operation, or (with `operation` None) a junction at which others wait for each other.

    Attributes:
        place: the names of the steps from the entry down to it.
        step: the call site (None at a junction).
        operation: what runs; None at a junction and where the callee lies outside the workflow.
    """

    place: Place
    step: Step | None = None
    operation: Operation | None = None


def flatten(workflow: Workflow) -> rustworkx.PyDiGraph[FlatNode, None]:
    """The workflow from its entry down, with every composite step replaced by what is in it.

    A composite is a barrier: it is entered and left through junctions. Its size is that of the call tree, which a
    shared graph enters once for each of its call sites.

    Raises:
        Unsupported: flattening would change the meaning: recursion, or a loop, a condition or retries on a composite.
    """
    if workflow.entry is None:
        raise Unsupported(f"{workflow.label} is a library: nothing in it runs by itself", engine=workflow.engine)
    by_name = callables(workflow)
    inline = written_inline(by_name)
    flat: rustworkx.PyDiGraph[FlatNode, None] = rustworkx.PyDiGraph()

    def junction(place: Place, side: str) -> int:
        return flat.add_node(FlatNode((*place, side)))

    def expand(step: Step, place: Place, open_graphs: Place) -> Iterator[tuple[Graph, Place, Place, int, int]]:
        """Adds a step; yields the graph still to be expanded between its two junctions, if it calls one."""
        callee = by_name.get(step.call.name) if isinstance(step.call, Call) else None
        if isinstance(callee, Graph):
            refuse_barrier(workflow, step, callee, open_graphs)
            first, last = junction(place, "start"), junction(place, "end")
            ends[place] = (first, last)
            yield callee, place, (*open_graphs, callee.name), first, last
        else:
            node = flat.add_node(FlatNode(place, step, callee))
            ends[place] = (node, node)

    ends: dict[Place, tuple[int, int]] = {}
    pending = list(expand(workflow.entry, (workflow.entry.name,), ()))
    while pending:
        graph, place, open_graphs, first, last = pending.pop()
        for step in graph.steps:
            pending.extend(expand(step, (*place, step.name), open_graphs))
        edges = {(first, last)}
        for edge in GraphView(graph, inline).edges():
            edges.add((ends[(*place, edge.before)][1], ends[(*place, edge.after)][0]))
        barrier = first
        for number, stage in enumerate(graph.stages or (tuple(step.name for step in graph.steps),)):
            after = junction(place, f"stage {number}") if graph.stages else last
            for name in stage:
                node = ends[(*place, name)]
                edges.update(((barrier, node[0]), (node[1], after)))
            barrier = after
        if barrier != last:
            edges.add((barrier, last))
        flat.add_edges_from_no_data(sorted(edges))
    return flat


def refuse_barrier(workflow: Workflow, step: Step, callee: Graph, open_graphs: Place) -> None:
    """Raises `Unsupported` where the steps of `callee` cannot be looked at without the step that calls it."""
    reasons = {
        "calls itself": callee.name in open_graphs,
        "runs in a loop": step.loop is not None,
        "runs on a condition": step.condition is not None,
        "is retried as a whole": callee.retry is not None or step.retry is not None,
        "has steps that run after all others": bool(callee.finalizers),
        "has steps that run in a loop together": any(region.loop is not None for region in callee.regions),
    }
    for reason, holds in reasons.items():
        if holds:
            raise Unsupported(
                f"{callee.name!r}, called by {step.name!r}, {reason}", engine=workflow.engine, step=step.name
            )
