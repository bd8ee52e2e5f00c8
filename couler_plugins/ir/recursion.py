"""Recursion: which graphs call which, in what order and in which circles."""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Collection, Iterable

import rustworkx

from couler_plugins.documents.mappings import in_order
from couler_plugins.ir.workflow import Call, Graph, Step, Workflow


def recursive(workflow: Workflow) -> frozenset[str]:
    """The names of the graphs that call themselves, directly or through others."""
    digraph = _call_graph(workflow, lambda graph, step: True)
    components = rustworkx.strongly_connected_components(digraph)
    loops = {source for source, target in digraph.edge_list() if source == target}
    return frozenset(digraph[node] for nodes in components for node in nodes if len(nodes) > 1 or node in loops)


def endless_recursion(workflow: Workflow) -> list[str]:
    """The names along one circle of calls that happen at once and unconditionally; empty where there is none."""
    digraph = _call_graph(workflow, _at_once)
    edges = rustworkx.digraph_find_cycle(digraph)
    return [digraph[edges[0][0]], *(digraph[target] for _, target in edges)] if edges else []


def callers_first(workflow: Workflow, circular: Collection[str]) -> list[Graph]:
    """The graphs, each after those that call it; those named in `circular` anywhere."""
    graphs = {graph.name: graph for graph in workflow.graphs}
    calls = {
        name: [step.call.name for step in graph.steps if isinstance(step.call, Call)] for name, graph in graphs.items()
    }
    called = {name: [one for one in names if one in graphs and one not in circular] for name, names in calls.items()}
    return [graphs[name] for name in dict.fromkeys([*in_order(called), *graphs])]


def _at_once(graph: Graph, step: Step) -> bool:
    """Whether the step runs whatever happens: a step before it that fails, or an empty loop, would end the circle."""
    if step.condition is not None or step.loop is not None or step.needs is not None:
        return False
    first = next((stage for stage in graph.stages or () if stage), None)
    return first is None or step.name in first


def _call_graph(workflow: Workflow, counts: Function[[Graph, Step], bool]) -> rustworkx.PyDiGraph[str, None]:
    digraph: rustworkx.PyDiGraph[str, None] = rustworkx.PyDiGraph()
    number = {graph.name: digraph.add_node(graph.name) for graph in workflow.graphs}
    pairs = {
        (number[graph.name], number[step.call.name])
        for graph in workflow.graphs
        for step in graph.steps
        if isinstance(step.call, Call) and step.call.name in number and counts(graph, step)
    }
    digraph.add_edges_from_no_data(sorted(pairs))
    return digraph


def strong_components(count: int, edges: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The sets of nodes that reach each other, each sorted; the sets by their smallest node. O(V + E).

    Args:
        count: how many nodes there are.
        edges: pairs of nodes.
    """
    digraph: rustworkx.PyDiGraph[None, None] = rustworkx.PyDiGraph()
    digraph.add_nodes_from([None] * count)
    digraph.add_edges_from_no_data(list(edges))
    return sorted(sorted(component) for component in rustworkx.strongly_connected_components(digraph))
