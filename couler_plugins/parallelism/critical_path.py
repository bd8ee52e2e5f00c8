"""The default partitioner keeps the critical path of the whole short, and follows an earlier split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.options.fields import check_range
from couler_plugins.parallelism.check import check_steps
from couler_plugins.parallelism.packing import cut_to_fit
from couler_plugins.parallelism.solution import Objective, Solution

SLACK = 0.01
"""The share of the budget that a fresh split keeps free, so that a later edit stays within a part."""

DRIFT = 0.05
"""How much worse than a fresh split one may be that follows an earlier one."""


@dataclass(frozen=True)
class CriticalPath:
    """Few parts that start early: near-linear starts, then a seeded search along the critical chain of parts.

    Attributes:
        launch: seconds that starting a part takes.
        part_weight: what twice the fewest parts cost, as a share of the makespan.
        seed: of the search.
        effort: by how much to search longer than usual.
    """

    name: ClassVar[str] = "critical-path"
    exceeds: ClassVar[bool] = False
    launch: float = 10.0
    part_weight: float = 0.1
    seed: int = 0
    effort: float = 1.0

    def __post_init__(self) -> None:
        """Checks the options.

        Raises:
            ValueError: one is out of range.
        """
        check_range("launch", self.launch, 0, 86_400)
        check_range("part-weight", self.part_weight, 0, 1_000)
        check_range("effort", self.effort, 0, 1_000)

    def split(self, dag: Dag, budget: Budget, previous: Mapping[str, int] | None = None) -> list[int]:
        """The part of each step; the same for the same graph, budget and options on any machine."""
        # Whoever lists the partitioners needs no search.
        from couler_plugins.parallelism.portfolio import Effort, split_afresh

        if not len(dag):
            return []
        objective = Objective.of(dag, budget, self.launch, self.part_weight)
        effort = Effort(self.launch, self.seed, self.effort)
        fresh = split_afresh(dag, _with_slack(dag, budget), objective, effort)
        if previous is None:
            return fresh.parts.labels()
        kept = resplit(dag, budget, objective, self.launch, previous)
        return (kept if kept.value <= fresh.value * (1 + DRIFT) else fresh).parts.labels()


def _with_slack(dag: Dag, budget: Budget) -> Budget:
    """The budget less what a fresh split keeps free; all of it where a step needs that."""
    less = budget.with_slack(SLACK)
    try:
        check_steps(dag, less)
    except InvalidInput:
        return budget
    return less


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
