"""The makespan of a split, and the bound below it."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings

from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.check import order_problem, over_budget
from couler_plugins.parallelism.solution import barrier_makespan, fewest_parts, makespan_bound
from parallelism_graphs import DEADLOCK, cases, named
from support import examples


def test_a_part_starts_a_launch_after_the_last_that_it_needs() -> None:
    dag = Dag.of("abcd", [[], [0], [], [1, 2]], [3.0, 4.0, 20.0, 5.0])
    assert barrier_makespan(dag, [0, 0, 0, 0], 10.0) == 35.0
    assert barrier_makespan(dag, [0, 1, 1, 2], 10.0) == 10 + 3 + 10 + 20 + 10 + 5
    assert barrier_makespan(dag, [0, 0, 1, 2], 10.0) == 10 + 20 + 10 + 5
    assert barrier_makespan(dag, [0, 0, 1, 2], 0.0) == 25.0
    assert barrier_makespan(Dag.of([], [], []), [], 10.0) == 0.0


def test_the_bound_of_a_chain_is_what_it_takes() -> None:
    dag = named({"a": "", "b": "a", "c": "b", "d": "c", "e": "d"})
    for steps, parts in ((5, 1), (4, 2), (2, 3), (1, 5)):
        assert makespan_bound(dag, Budget(steps=steps), 10.0) == pytest.approx(5 + 10 * parts)


def test_the_fewest_parts() -> None:
    dag = Dag.of("abcd", [[]] * 4, [1.0] * 4, bytes=[10] * 4, pods=[1, 1, 1, 5], wrapper=5)
    assert fewest_parts(dag, Budget()) == 1
    assert fewest_parts(dag, Budget(steps=3)) == 2
    assert fewest_parts(dag, Budget(bytes=15)) == 4
    assert fewest_parts(dag, Budget(steps=3, pods=5)) == 2
    assert fewest_parts(Dag.of([], [], []), Budget(steps=1)) == 0


def least(dag: Dag, budget: Budget, launch: float) -> float:
    """The makespan of the best split there is, by trying them all."""
    count = len(dag)
    splits = (labels for labels in product(range(count), repeat=count) if order_problem(dag, labels) is None)
    return min(barrier_makespan(dag, labels, launch) for labels in splits if not over_budget(dag, budget, labels))


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_no_split_goes_below_the_bound(steps: int) -> None:
    dag = named(DEADLOCK, 4.0)
    assert makespan_bound(dag, Budget(steps=steps), 10.0) <= least(dag, Budget(steps=steps), 10.0)


@settings(max_examples=examples(40))
@given(cases())
def test_nor_on_any_small_graph(case: tuple[Dag, Budget]) -> None:
    dag, budget = case
    if 0 < len(dag) <= 5:
        assert makespan_bound(dag, budget, 3.0) <= least(dag, budget, 3.0) * (1 + 1e-9)
