"""A split that follows an earlier one, so that an edit of a workflow changes few of its parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from couler_plugins.hookspecs.budget import Budget
from couler_plugins.hookspecs.dag import Dag
from couler_plugins.parallelism.objective import Objective
from couler_plugins.parallelism.packing import cut_to_fit
from couler_plugins.parallelism.solution import Solution

__all__ = ["resplit"]


def resplit(dag: Dag, budget: Budget, objective: Objective, launch: float, previous: Mapping[str, int]) -> Solution:
    """The earlier split with what changed since: known steps keep their parts, new ones join one nearby.

    Args:
        dag: the graph as it is now.
        budget: that every step fits by itself.
        objective: what decides where a new step goes.
        launch: seconds that starting a part takes.
        previous: the earlier labels, by the names of the steps.
    """
    old = [previous.get(name) for name in dag.names]
    labels = cut_to_fit(dag, budget, _kept(dag, old))
    solution = Solution(dag, budget, labels, objective, launch)
    for step, label in enumerate(old):
        if label is None:
            _settle(solution, step)
    return solution


def _kept(dag: Dag, old: Sequence[int | None]) -> list[int]:
    """Old labels, raised where a step needs one with a higher label; a new step starts in the last part it needs.

    One without parents starts in the first part that needs it.
    """
    first = [max((label for label in old if label is not None), default=0)] * len(dag)
    for step in range(len(dag) - 1, -1, -1):
        label = old[step]
        below = [first[child] for child in dag.children[step]]
        first[step] = min([first[step] if label is None else label, *below])
    labels: list[int] = []
    for step, above in enumerate(dag.parents):
        label = old[step]
        lowest = max((labels[parent] for parent in above), default=first[step] if label is None else 0)
        labels.append(lowest if label is None else max(label, lowest))
    return labels


def _settle(solution: Solution, step: int) -> None:
    """Lets a new step choose among its neighbours' parts, the emptiest in reach, and one of its own."""
    parts, dag = solution.parts, solution.dag
    low, high = solution.between((step,))
    near = {parts.part[other] for links in (dag.parents[step], dag.children[step]) for other in links}
    reach = parts.order[low : high + 1]
    emptiest = min(reach, key=lambda part: (parts.steps[part], parts.place[part]))
    for part in sorted(near & set(reach) | {emptiest}, key=parts.place.__getitem__):
        if part != parts.part[step] and parts.members[part]:
            solution.attempt([(step, part)])
    solution.attempt_alone((step,))
