"""An edit of a workflow changes few of its parts."""

from __future__ import annotations

import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.split_graphs import BUDGET
from benchmarks.split_stability import EDITS, Graph, dag_of_names, unchanged
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.check import order_problem, over_budget
from couler_plugins.parallelism.critical_path import CriticalPath
from couler_plugins.parallelism.solution import barrier_makespan
from parallelism_graphs import cases, layered
from support import examples, first_of

QUICK = CriticalPath(effort=0.05)


@cache
def first_split(seed: int) -> dict[str, int]:
    before = dag_of_names(layered(2_000, seed))
    return dict(zip(before.names, QUICK.split(before, BUDGET), strict=True))


@pytest.mark.parametrize("edit", first_of(EDITS))
@pytest.mark.parametrize("seed", first_of(range(3)))
def test_nine_in_ten_steps_stay_in_unchanged_parts(edit: str, seed: int) -> None:
    labels = first_split(seed)
    after = dag_of_names(EDITS[edit](layered(2_000, seed), "new", random.Random(seed)))
    again = QUICK.split(after, BUDGET, labels)
    assert order_problem(after, again) is None
    assert over_budget(after, BUDGET, again) == []
    assert unchanged(labels, dict(zip(after.names, again, strict=True))) >= 0.9


@pytest.mark.slow
def test_after_many_edits_it_is_about_as_good_as_a_fresh_split() -> None:
    graph: Graph = layered(600, 5)
    budget = Budget(bytes=50_000, steps=60)
    chance = random.Random(5)
    partitioner = CriticalPath(effort=0.05)
    labels: dict[str, int] | None = None
    for number in range(20):
        graph = EDITS[chance.choice(sorted(EDITS))](graph, f"new-{number}", chance)
        now = dag_of_names(graph)
        labels = dict(zip(now.names, partitioner.split(now, budget, labels), strict=True))
    now = dag_of_names(graph)
    kept = barrier_makespan(now, [labels[name] for name in now.names] if labels else [], 10.0)
    assert kept <= 1.1 * barrier_makespan(now, partitioner.split(now, budget), 10.0)


@settings(max_examples=examples(30))
@given(cases(), st.integers(0, 2**32))
def test_any_earlier_labels_give_a_split(case: tuple[Dag, Budget], seed: int) -> None:
    some, budget = case
    chance = random.Random(seed)
    earlier = {name: chance.randrange(4) for name in [*some.names, "gone"] if chance.random() < 0.8}
    labels = CriticalPath(effort=0.02).split(some, budget, earlier)
    assert order_problem(some, labels) is None
    assert over_budget(some, budget, labels) == []


def test_nothing_changed_changes_nothing() -> None:
    now = dag_of_names(layered(800, 6))
    partitioner = CriticalPath(effort=0.05)
    labels = partitioner.split(now, BUDGET)
    assert partitioner.split(now, BUDGET, dict(zip(now.names, labels, strict=True))) == labels
