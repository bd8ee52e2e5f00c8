"""A split from scratch: many starts, of which the best are searched, halved, and searched further."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from couler_plugins.parallelism.bandpack import bandpack
from couler_plugins.parallelism.bound import barrier_makespan
from couler_plugins.parallelism.cutting import cut_pass
from couler_plugins.parallelism.growing import grow
from couler_plugins.parallelism.merging import merge
from couler_plugins.parallelism.orders import by_earliest_start, depth_first
from couler_plugins.parallelism.packing import contiguous, cut_to_fit, fill, first_fit
from couler_plugins.parallelism.search import Search
from couler_plugins.parallelism.solution import Solution

if TYPE_CHECKING:
    from couler_plugins.parallelism.budget import Budget
    from couler_plugins.parallelism.dag import Dag
    from couler_plugins.parallelism.objective import Objective

__all__ = ["Effort", "candidates", "split_afresh"]

LARGE = 30_000
"""Steps above which fewer starts are made and searched."""
SHARES, SHARES_LARGE = (1.0, 0.5, 0.25, 0.125, 0.0), (1.0,)
"""Of the budget, for clusters. The last keeps each step by itself."""
URGENCIES, URGENCIES_LARGE = (0.0, 0.5, 1.0, 2.0), (1.0,)
"""Of parts that are grown."""
KEPT, KEPT_LARGE = (6, 3, 1), (2, 1)
"""How many are searched in each round."""
TRIES, TRIES_STEP, TRIES_LARGE = 6_000, 4, 9_000
SMALL = 1_000
"""Steps up to which the best split is shaken."""
SHAKES, SHAKE, SETTLE, UPHILL = 150, 20, 150, (0.05, 0.1, 0.2, 0.4)
"""How often, with how many moves that may raise the value by these shares, and how many tries after each."""
TOLERANCE = 0.01
"""How much a merge between two searches may cost."""


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
    large = len(dag) > LARGE
    yield fill(dag, budget, ((step,) for step in range(len(dag))))
    if not large:
        yield fill(dag, budget, ((step,) for step in by_earliest_start(dag)))
        yield fill(dag, budget, ((step,) for step in depth_first(dag.children)[::-1]))
    yield from _directed(dag, budget, launch, large)
    last = len(dag) - 1
    for labels in _directed(dag.reversed(), budget, launch, large):
        most = max(labels)
        # What crosses costs otherwise in that graph, where results go the other way.
        yield cut_to_fit(dag, budget, [most - labels[last - step] for step in range(last + 1)])


def _directed(dag: Dag, budget: Budget, launch: float, large: bool) -> Iterator[list[int]]:
    """Splits that come out otherwise when all edges are turned around."""
    for urgency in URGENCIES_LARGE if large else URGENCIES:
        yield grow(dag, budget, urgency)
    for share in SHARES_LARGE if large else SHARES:
        clusters = bandpack(dag, budget.scaled(share))
        yield first_fit(dag, budget, clusters, launch, by_ready=True)
        if not large:
            yield contiguous(dag, budget, clusters)
            yield first_fit(dag, budget, clusters, launch, by_ready=False)


def split_afresh(dag: Dag, budget: Budget, objective: Objective, effort: Effort) -> Solution:
    """The best split that is found without an earlier one."""
    large = len(dag) > LARGE
    total = effort.factor * (TRIES_LARGE if large else TRIES + TRIES_STEP * len(dag))
    ranked = sorted(
        (_value(dag, objective, labels, effort.launch), number, labels)
        for number, labels in enumerate(candidates(dag, budget, effort.launch))
    )
    rounds = KEPT_LARGE if large else KEPT
    alive = [Solution(dag, budget, labels, objective, effort.launch) for _, _, labels in ranked[: rounds[0]]]
    searches = [Search(solution, effort.seed) for solution in alive]
    for kept in rounds:
        searches.sort(key=lambda search: search.solution.value)
        del searches[kept:]
        tries = int(total / len(rounds) / len(searches) / 2)
        for search in searches:
            search.run(tries)
            if not large:
                merge(search.solution, TOLERANCE)
            search.run(tries)
    best = searches[0].solution
    merge(best, 0.0)
    if len(dag) <= SMALL:
        best = _shaken(dag, budget, alive, effort)
    cut_pass(best, int(total) // 4)
    return best


def _shaken(dag: Dag, budget: Budget, pool: list[Solution], effort: Effort) -> Solution:
    """Goes a few steps uphill from each split, again and again, and searches from there; gives the best.

    Small graphs have many valleys, which the search does not leave by itself, and cost little.
    """
    for number in range(int(SHAKES * effort.factor)):
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
