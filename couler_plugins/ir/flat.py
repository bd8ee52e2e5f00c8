"""A whole workflow as one flat graph, for optimizers that think in single runs of operations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import rustworkx

from couler_plugins.errors import Unsupported
from couler_plugins.ir.graph import GraphView
from couler_plugins.ir.walk import callables, written_inline
from couler_plugins.ir.workflow import Call, Graph, Operation, Step, Workflow

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
