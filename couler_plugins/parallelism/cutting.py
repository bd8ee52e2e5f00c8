"""Edges between parts made fewer."""

from __future__ import annotations

from couler_plugins.parallelism.solution import Solution

__all__ = ["cut_pass"]

GROWTH = 0.02
"""How much the makespan may grow for a smaller cut."""


def cut_pass(solution: Solution, effort: int) -> int:
    """Moves steps to the part that most of their edges lead to, where the value falls.

    Args:
        solution: what to change.
        effort: moves to try at most.

    Returns:
        How many were tried.
    """
    parts, dag = solution.parts, solution.dag
    part = parts.part
    tried = 0
    for step in range(len(dag)):
        counts: dict[int, int] = {}
        for links in (dag.parents[step], dag.children[step]):
            for other in links:
                counts[part[other]] = counts.get(part[other], 0) + 1
        at = part[step]
        best = max(counts, key=lambda one: (counts[one], one == at, -one), default=at)
        if best == at:
            continue
        low, high = solution.between((step,))
        if low <= parts.place[best] <= high:
            tried += 1
            solution.attempt([(step, best)], growth=GROWTH)
            if tried >= effort:
                break
    return tried
