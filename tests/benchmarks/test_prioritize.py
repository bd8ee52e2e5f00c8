"""The benchmark of start orders: its bound is one, its figures are what they say, and nothing is worse."""

from __future__ import annotations

from itertools import permutations

import pytest

from benchmarks.prioritize import ENGINES, bound, figures_of, noisy, tasks_of, trial
from benchmarks.split_graphs import generated
from couler_plugins.errors import InvalidInput
from couler_plugins.ordering.priorities import makespan
from couler_plugins.runs import Run, StepRun
from couler_plugins.simulation.planned import Planned


def trace(kind: str, count: int, seed: int) -> Planned:
    dag = generated(kind, count, seed).dag
    steps = [
        StepRun(step=name, type="t", spec=name, key=name, parents=tuple(above), seconds=seconds)
        for name, above, seconds in zip(dag.names, dag.parents, dag.seconds, strict=True)
    ]
    return tasks_of(Run(family=kind, steps=tuple(steps)))


TRACES = {f"{kind}-{seed}": trace(kind, 60, seed) for kind in ("layered", "random", "fork-join") for seed in (1, 2)}


def test_half_of_the_gap_is_closed_and_nothing_is_worse() -> None:
    figures = figures_of(TRACES, 1, 0)
    assert figures["worse"] == 0
    assert set(figures["gap_closed"]) == {*ENGINES, "all"}
    assert figures["gap_closed"]["all"] >= 0.5
    assert figures["noise"]["0.1"]["lost"] <= figures["noise"]["1.0"]["lost"]
    assert set(figures["traces"]) == set(TRACES)
    assert figures == figures_of(TRACES, 1, 0)


@pytest.mark.parametrize("seed", range(6))
def test_no_order_goes_below_the_bound(seed: int) -> None:
    tasks = trace("random", 7, seed)
    least = bound(tasks, 2)
    orders = permutations(range(len(tasks.steps)))
    assert min(makespan(tasks, 2, dict(zip(tasks.steps, order, strict=True))) for order in orders) >= least - 1e-9


def test_times_that_are_off_may_cost_time() -> None:
    tasks = TRACES["layered-1"]
    assert noisy(tasks, 0.3, 1) == noisy(tasks, 0.3, 1) != noisy(tasks, 0.3, 2)
    result = trial(tasks, "ready", noisy(tasks, 2.0, 1))
    assert result.after >= result.bound
    assert trial(tasks, "ready", tasks).closed >= 0


def test_what_runs_in_turn_is_no_trace() -> None:
    first = StepRun(step="a", type="t", spec="a", key="a", seconds=1.0)
    second = StepRun(step="b", type="t", spec="b", key="b", parents=(0,), seconds=1.0)
    with pytest.raises(InvalidInput, match="no two steps"):
        tasks_of(Run(family="chain", steps=(first, second)))
