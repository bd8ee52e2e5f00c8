"""One graph as a directed graph: its edges, its order, its cycles. The only user of rustworkx, with `flat`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

import rustworkx

from couler_plugins.ir.needs import needed
from couler_plugins.ir.values import ANY_STEP, Reference
from couler_plugins.ir.walk import inline_callees, references
from couler_plugins.ir.workflow import Graph, Operation, Step


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

    def _names(self, nodes: Iterable[int]) -> list[str]:
        return [self._digraph[node] for node in sorted(nodes)]
