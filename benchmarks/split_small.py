"""The exact optimum of small graphs, found by CP-SAT, to hold the search against.

A program for each number of parts, from the fewest on, until more parts cannot pay:

    minimise    makespan · (1 + weight (parts / fewest − 1)) / critical path + 0.1 cut / edges
    subject to  every step in one part, no part over the budget, labels that never fall along an edge
                start of part p >= launch, and >= launch + end of part q wherever a step in p needs one in q
                end of step v >= its seconds + the start of its part, and the end of each parent
                end of a part >= the end of each of its steps
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, ClassVar

from benchmarks.split_graphs import generated
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.critical_path import CriticalPath
from couler_plugins.parallelism.solution import Objective, barrier_makespan, makespan_bound

__all__ = ["Small", "least_value", "optimum_ratios", "small_graph", "small_graphs"]

KINDS = ("layered", "random", "series-parallel", "fork-join")
STEPS, BUDGET, LAUNCH, WEIGHT = 30, Budget(steps=8), 10, 0.1
SCALE = 10**6
"""Values are whole numbers for the solver: millionths."""
WORK = 300.0
"""The solver's own deterministic measure of time, after which an optimum is given up; the same on any machine."""


@dataclass(frozen=True)
class Small:
    """A small graph, whose split is held against the best that there is."""

    kind: str
    seed: int
    cost: ClassVar[int] = 40_000

    def __call__(self) -> float | None:
        """The value of what is found over the least; None where the search for that was given up."""
        dag = small_graph(self.kind, self.seed)
        labels = CriticalPath(launch=LAUNCH, part_weight=WEIGHT).split(dag, BUDGET)
        cut = sum(labels[parent] != label for label, above in zip(labels, dag.parents, strict=True) for parent in above)
        objective = Objective.of(dag, BUDGET, LAUNCH, WEIGHT)
        value = objective.value(barrier_makespan(dag, labels, LAUNCH), len(set(labels)), cut)
        least = least_value(dag, BUDGET, LAUNCH, WEIGHT, value)
        return None if least is None else value / least


def small_graphs(count: int, seed: int) -> list[Small]:
    """`count` graphs with seeds from `seed` on; none without the solver."""
    if find_spec("ortools") is None:
        print("left out: the exact optimum: ortools is not installed", file=sys.stderr)
        return []
    return [Small(KINDS[number % len(KINDS)], seed + number // len(KINDS)) for number in range(count)]


def optimum_ratios(found: Iterable[float | None]) -> dict[str, Any]:
    """What small graphs came to, without those that were given up."""
    ratios = [ratio for ratio in found if ratio is not None]
    return {
        "optimum_ratio": {CriticalPath.name: statistics.fmean(ratios)} if ratios else {},
        "optimum_ratio_max": {CriticalPath.name: max(ratios)} if ratios else {},
        "optimum_graphs": len(ratios),
    }


def small_graph(kind: str, seed: int) -> Dag:
    """A graph of 30 steps that take whole seconds, and only whose number counts."""
    dag = generated(kind, STEPS, seed).dag
    return Dag.of(dag.names, dag.parents, [max(1.0, round(took)) for took in dag.seconds])


def least_value(dag: Dag, budget: Budget, launch: int, weight: float, known: float) -> float | None:
    """The least value of the objective; None where the search for it was given up.

    Args:
        dag: a graph whose seconds are whole numbers.
        budget: of steps.
        launch: seconds that starting a part takes.
        weight: of parts, in the objective.
        known: a value that some split has.
    """
    objective = Objective.of(dag, budget, launch, weight)
    bound = makespan_bound(dag, budget, launch)
    parts, best = objective.fewest, known
    while objective.value(bound, parts, 0) < best * (1 - 1e-6) and parts <= len(dag):
        longest = objective.makespan(best, parts, 0)
        program = _Program(dag, budget, launch, parts, int(longest) + 1)
        value = program.solve(objective)
        if value is None:
            return None
        best = min(best, value)
        parts += 1
    return best


class _Program:
    """All splits into at most so many parts whose makespan is not beyond a horizon."""

    def __init__(self, dag: Dag, budget: Budget, launch: int, parts: int, horizon: int) -> None:
        from ortools.sat.python import cp_model

        self.dag = dag
        self.parts = parts
        self.model: Any = cp_model.CpModel()
        model, numbers = self.model, range(parts)
        self.inside = [[model.new_bool_var("") for _ in numbers] for _ in range(len(dag))]
        self.starts = [model.new_int_var(launch, horizon, "") for _ in numbers]
        self.ends = [model.new_int_var(0, horizon, "") for _ in numbers]
        self.finish = [model.new_int_var(0, horizon, "") for _ in range(len(dag))]
        self.makespan = model.new_int_var(0, horizon, "")
        self.crossing: list[Any] = []
        for part in numbers:
            model.add(sum(inside[part] for inside in self.inside) <= budget.limits[1])
        for step in range(len(dag)):
            self._step(step)
            for parent in dag.parents[step]:
                self._edge(parent, step, launch)
        model.add_max_equality(self.makespan, self.finish)

    def _step(self, step: int) -> None:
        model = self.model
        model.add_exactly_one(self.inside[step])
        for part in range(self.parts):
            here = self.inside[step][part]
            model.add(self.finish[step] >= self.starts[part] + int(self.dag.seconds[step])).only_enforce_if(here)
            model.add(self.ends[part] >= self.finish[step]).only_enforce_if(here)

    def _edge(self, parent: int, step: int, launch: int) -> None:
        model = self.model
        before, after = self.inside[parent], self.inside[step]
        model.add(
            sum(part * here for part, here in enumerate(before)) <= sum(part * here for part, here in enumerate(after))
        )
        model.add(self.finish[step] >= self.finish[parent] + int(self.dag.seconds[step]))
        crosses = model.new_bool_var("")
        self.crossing.append(crosses)
        for first in range(self.parts):
            model.add_bool_or(before[first].negated(), after[first], crosses)
            for second in range(first + 1, self.parts):
                needs = [before[first], after[second]]
                model.add(self.starts[second] >= self.ends[first] + launch).only_enforce_if(needs)

    def solve(self, objective: Objective) -> float | None:
        """The least value; infinite where there is no such split, None where the search was given up."""
        from ortools.sat.python import cp_model

        a_second, an_edge = (
            round(SCALE * (objective.value(*one) - objective.value(0, self.parts, 0)))
            for one in ((1, self.parts, 0), (0, self.parts, 1))
        )
        self.model.minimize(a_second * self.makespan + an_edge * sum(self.crossing))
        solver: Any = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 0
        solver.parameters.max_deterministic_time = WORK
        status = solver.solve(self.model)
        if status == cp_model.INFEASIBLE:
            return float("inf")
        if status != cp_model.OPTIMAL:
            return None
        cut = sum(solver.value(one) for one in self.crossing)
        return objective.value(solver.value(self.makespan), self.parts, cut)
