"""Parts merged with others, so that there are fewer."""

from __future__ import annotations

import heapq

from couler_plugins.parallelism.solution import Solution

__all__ = ["merge"]

PARTNERS = 3
FULL = 0.95
"""The share of the budget above which there is no part small enough to join."""
MISFIT = 1.3
"""How far above the budget the bytes of two parts may add up: what they read alike counts once when they are one."""


def merge(solution: Solution, tolerance: float) -> None:
    """Merges parts, the smallest first, while the value rises by no more than a share of it each time."""
    queue = [(_filled(solution, part), part) for part in solution.parts.order]
    heapq.heapify(queue)
    while queue and len(solution.parts) > 1:
        filled, part = heapq.heappop(queue)
        if filled > FULL:
            return
        if not solution.parts.members[part] or filled != _filled(solution, part):
            continue  # merged with another since
        for _, other in heapq.nsmallest(PARTNERS, _partners(solution, part)):
            if _merge(solution, part, other, tolerance):
                kept = part if solution.parts.members[part] else other
                heapq.heappush(queue, (_filled(solution, kept), kept))
                break


def _filled(solution: Solution, part: int) -> float:
    parts = solution.parts
    amounts = (parts.bytes[part], parts.steps[part], parts.pods[part])
    return max(amount / limit for amount, limit in zip(amounts, parts.limits, strict=True))


def _partners(solution: Solution, part: int) -> list[tuple[float, int]]:
    """The parts that this one may fit into, with about how long a path through both would be."""
    parts, times = solution.parts, solution.times
    limit_bytes, limit_steps, limit_pods = parts.limits
    most_bytes = MISFIT * limit_bytes - parts.bytes[part] + solution.dag.wrapper + parts.shared[part]
    most_steps, most_pods = limit_steps - parts.steps[part], limit_pods - parts.pods[part]
    start, length, after = times.start(part), times.length[part], times.after[part]
    partners = []
    for other in parts.order:
        if parts.bytes[other] > most_bytes or parts.steps[other] > most_steps or parts.pods[other] > most_pods:
            continue
        if other == part:
            continue
        begin = times.end[other] - times.launch - times.length[other]
        if other in parts.out[part]:
            path = start + length + times.length[other] + times.after[other]
        elif other in parts.into[part]:
            path = begin + times.length[other] + length + after
        else:
            path = max(start, begin) + max(length, times.length[other]) + max(after, times.after[other])
        partners.append((path, other))
    return partners


def _merge(solution: Solution, part: int, other: int, tolerance: float) -> bool:
    """Merges two parts if no path leaves them and comes back, and the value allows it."""
    parts = solution.parts
    first, second = sorted((part, other), key=parts.place.__getitem__)
    if not _bring_together(solution, first, second):
        return False
    smaller, larger = sorted((part, other), key=lambda one: len(parts.members[one]))
    return solution.attempt([(step, larger) for step in parts.members[smaller]], tolerance)


def _bring_together(solution: Solution, first: int, second: int) -> bool:
    """Orders the parts so that two are neighbours; False where a path through a third leads from one to the other."""
    parts = solution.parts
    low, high = parts.place[first], parts.place[second]
    behind: set[int] = set()
    for part in parts.order[low + 1 : high]:
        if not parts.into[part].isdisjoint({first, *behind}):
            behind.add(part)
    if not parts.into[second].isdisjoint(behind):
        return False
    between = parts.order[low + 1 : high]
    ahead = [part for part in between if part not in behind]
    moved = [part for part in between if part in behind]
    parts.reorder([*parts.order[:low], *ahead, first, second, *moved, *parts.order[high + 1 :]])
    return True
