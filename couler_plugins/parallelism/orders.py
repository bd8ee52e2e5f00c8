"""Topological orders of a graph."""

from __future__ import annotations

from collections.abc import Sequence

from couler_plugins.hookspecs.dag import Dag

__all__ = ["by_depth", "depth_first"]


def by_depth(dag: Dag) -> list[int]:
    """The steps by the number of edges on the longest path to them: level by level."""
    depths: list[int] = []
    for above in dag.parents:
        depths.append(1 + max((depths[parent] for parent in above), default=-1))
    return sorted(range(len(dag)), key=depths.__getitem__)


def depth_first(links: Sequence[Sequence[int]]) -> list[int]:
    """The postorder of a depth-first search: every step after all that it links to.

    With parents it is a topological order; with children the reverse of one.
    """
    order: list[int] = []
    seen = bytearray(len(links))
    linked = bytearray(len(links))
    for some in links:
        for step in some:
            linked[step] = 1
    for root in range(len(links)):
        if linked[root]:
            continue
        stack = [(root, iter(links[root]))]
        seen[root] = 1
        while stack:
            step, remaining = stack[-1]
            for other in remaining:
                if not seen[other]:
                    seen[other] = 1
                    stack.append((other, iter(links[other])))
                    break
            else:
                stack.pop()
                order.append(step)
    return order
