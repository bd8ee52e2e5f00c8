"""Strongly connected components of numbered nodes."""

from __future__ import annotations

from collections.abc import Iterable

import rustworkx

__all__ = ["strong_components"]


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
