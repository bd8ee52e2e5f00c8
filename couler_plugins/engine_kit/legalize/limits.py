"""Limits of how many steps run at a time: not every engine has them, and not every limit is ever reached."""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.ir import Graph, Literal, Operation

__all__ = ["is_reachable"]


def is_reachable(graph: Graph, callees: Mapping[str, Graph | Operation]) -> bool:
    """Whether a graph may ever have as many steps to run at a time as its limit lets run.

    Args:
        graph: the graph.
        callees: the graphs and operations of the workflow by name.
    """
    limit = graph.parallelism
    if limit is None:
        return False
    if not isinstance(limit, Literal) or not str(limit.value).isdigit():
        return True
    single = all(
        step.loop is None and isinstance(callees.get(getattr(step.call, "name", "")), Operation) for step in graph.steps
    )
    return not single or len(graph.steps) > int(str(limit.value))
