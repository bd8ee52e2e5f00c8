"""A split from scratch: many starts, of which the best are searched, halved, and searched further.

Parts are merged, and edges between them made fewer, on the way.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.growing import grow
from couler_plugins.parallelism.packing import bandpack, cut_to_fit, fill, first_fit
from couler_plugins.parallelism.search import Search
from couler_plugins.parallelism.solution import Objective, Solution, barrier_makespan

# Parts merged with others, so that there are fewer.

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
        too_large = parts.bytes[other] > most_bytes or parts.steps[other] > most_steps or parts.pods[other] > most_pods
        if too_large or other == part:
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


# Edges between parts made fewer.

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
        counts = Counter(part[other] for links in (dag.parents[step], dag.children[step]) for other in links)
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


LARGE = 30_000
"""Steps above which fewer starts are made and searched."""
URGENCIES, READY, NEARNESS = (0.25, 0.35, 0.5, 0.7, 1.0), (0.15, 0.4, 1.0), (0.0, 1.0, 2.0)
"""Of parts that are grown: all that go together are tried."""
GROWN_LARGE = ((0.2, 0.4, 0.0, 0.7), (0.25, 0.4, 1.0, 0.5))
"""Those that are tried of a large graph, with the share of a part in which it does not matter when a step ends."""
TRIES, TRIES_STEP, TRIES_TINY, TRIES_LARGE = 20_000, 6, 1_000, 24_000
"""How many moves are tried of any graph, and for each step; for each step at most; and how many of a large graph."""
SMALL = 1_000
"""Steps up to which the best split is shaken."""
SHAKES, SHAKES_SMALL, SHAKES_STEP = 150, 10_000, 16
"""How often; how much oftener a small graph, shared out among its steps; and for each step at most."""
SHAKE, SETTLE, UPHILL = 20, 150, (0.05, 0.1, 0.2, 0.4)
"""With how many moves up to how far uphill, and how many after each."""
TOLERANCE = 0.01
"""How much a merge between two searches may cost."""


class _Scale(NamedTuple):
    """How graphs up to a size are searched.

    Attributes:
        steps: up to how many.
        kept: how many starts are searched in each round: the more the steps, the longer each takes to come far.
        rise: how far above the least value a search may go at first.
    """

    steps: float
    kept: tuple[int, ...]
    rise: float


SCALES = (_Scale(5_000, (12, 4, 1), 0.008), _Scale(LARGE, (6, 3, 1), 0.005), _Scale(math.inf, (1,), 0.002))


@dataclass(frozen=True)
class Effort:
    """How a split is searched for.

    Attributes:
        launch: seconds that starting a part takes.
        seed: of what is drawn at random.
        factor: by how much to search longer than usual.
    """

    launch: float
    seed: int
    factor: float


def candidates(dag: Dag, budget: Budget, launch: float) -> Iterator[list[int]]:
    """Splits to start from, all within the budget; a constant number, each near-linear in the graph."""
    if len(dag) > LARGE:
        yield from (grow(dag, budget, launch, *options) for options in GROWN_LARGE)
        return
    yield fill(dag, budget, ((step,) for step in range(len(dag))))
    yield first_fit(dag, budget, bandpack(dag, budget), launch)
    yield from (grow(dag, budget, launch, *options) for options in product(URGENCIES, READY, NEARNESS))
    turned, last = dag.reversed(), len(dag) - 1
    for urgency, ready in product(URGENCIES, READY):
        labels = grow(turned, budget, launch, urgency, ready, 0.0)
        most = max(labels)
        # What crosses costs otherwise in that graph, where results go the other way.
        yield cut_to_fit(dag, budget, [most - labels[last - step] for step in range(last + 1)])


def split_afresh(dag: Dag, budget: Budget, objective: Objective, effort: Effort) -> Solution:
    """The best split that is found without an earlier one."""
    large = len(dag) > LARGE
    tries = TRIES_LARGE if large else min(TRIES + TRIES_STEP * len(dag), TRIES_TINY * len(dag))
    total = effort.factor * tries
    scale = next(scale for scale in SCALES if len(dag) <= scale.steps)
    starts: dict[float, list[int]] = {}
    for labels in candidates(dag, budget, effort.launch):
        starts.setdefault(_value(dag, objective, labels, effort.launch), labels)  # of equal value are equal splits
    pool = [
        Solution(dag, budget, labels, objective, effort.launch) for _, labels in sorted(starts.items())[: scale.kept[0]]
    ]
    for kept in scale.kept:
        pool.sort(key=lambda solution: solution.value)
        each = int(total / len(scale.kept) / kept / 2)
        pool[:kept] = [_searched(solution, budget, effort, each, scale.rise) for solution in pool[:kept]]
    best = min(pool, key=lambda solution: solution.value)
    merge(best, 0.0)
    if len(dag) <= SMALL:
        best = _shaken(dag, budget, pool, effort)
    cut_pass(best, int(total) // 4)
    return best


def _searched(solution: Solution, budget: Budget, effort: Effort, tries: int, rise: float) -> Solution:
    """A split searched uphill and down again; only down where that has led to none that is as good."""
    dag, before, labels = solution.dag, solution.value, solution.parts.labels()
    search = Search(solution, effort.seed)
    search.run(tries, rise)
    if len(dag) <= LARGE:
        merge(solution, TOLERANCE)
    search.run(tries)
    if solution.value > before:
        solution = Solution(dag, budget, labels, solution.objective, effort.launch)
        Search(solution, effort.seed).run(tries)
    return solution


def _shaken(dag: Dag, budget: Budget, pool: list[Solution], effort: Effort) -> Solution:
    """Goes a few steps uphill from each split, again and again, and searches from there; gives the best.

    Small graphs have many valleys, which the search does not leave by itself, and cost little.
    """
    shakes = min(SHAKES + SHAKES_SMALL // len(dag), SHAKES_STEP * len(dag))
    for number in range(int(shakes * effort.factor)):
        before = pool[number % len(pool)]
        solution = Solution(dag, budget, before.parts.labels(), before.objective, effort.launch)
        search = Search(solution, effort.seed + number)
        search.run(SHAKE, UPHILL[number % len(UPHILL)])
        search.run(SETTLE)
        merge(solution, 0.0)
        if solution.value <= before.value:
            pool[number % len(pool)] = solution
    return min(pool, key=lambda solution: solution.value)


def _value(dag: Dag, objective: Objective, labels: list[int], launch: float) -> float:
    cut = sum(labels[parent] != label for label, above in zip(labels, dag.parents, strict=True) for parent in above)
    return objective.value(barrier_makespan(dag, labels, launch), len(set(labels)), cut)
