"""What a search knows of its parts is exact after every move: compared with the code that checks splits."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.check import order_problem, over_budget, parts_of
from couler_plugins.parallelism.portfolio import merge
from couler_plugins.parallelism.search import Search
from couler_plugins.parallelism.simple import Levels
from couler_plugins.parallelism.solution import Objective, Solution, barrier_makespan
from couler_plugins.parallelism.state import Parts
from parallelism_graphs import cases


def check(dag: Dag, parts: Parts) -> None:
    found = {part.label: part for part in parts_of(dag, parts.part)}
    for part, known in found.items():
        assert (parts.bytes[part], parts.steps[part], parts.pods[part]) == (known.bytes, known.steps, known.pods)
        assert parts.shared[part] == dag.shared(known.members)
    for part in parts.order:
        if part not in found:
            assert (parts.bytes[part], parts.steps[part], parts.pods[part]) == (dag.wrapper, 0, 0)
    edges = [(parts.part[parent], parts.part[step]) for step in range(len(dag)) for parent in dag.parents[step]]
    crossing = [(before, after) for before, after in edges if before != after]
    assert parts.cut == len(crossing)
    pairs = {(before, after) for after in parts.order for before in parts.into[after]}
    assert pairs == set(crossing) == {(before, after) for before in parts.order for after in parts.out[before]}


@given(cases(), st.integers(0, 2**32))
def test_sizes_and_edges_follow_any_moves(case: tuple[Dag, Budget], seed: int) -> None:
    dag, budget = case
    chance = random.Random(seed)
    labels = sorted(chance.randrange(5) for _ in range(len(dag)))
    parts = Parts(dag, budget, labels)
    check(dag, parts)
    before = (list(parts.bytes), dict(parts.links))
    moves = [(chance.randrange(len(dag)), chance.choice(parts.order)) for _ in range(30)] if len(dag) else []
    moves = [(step, to) for step, to in moves]
    back = []
    for step, to in moves:
        back.append((step, parts.part[step]))
        if parts.part[step] != to:
            parts.move(step, to)
            check(dag, parts)
    for step, to in reversed(back):
        if parts.part[step] != to:
            parts.move(step, to)
    assert (list(parts.bytes), dict(parts.links)) == before


@given(cases(), st.integers(0, 2**32))
def test_times_and_value_follow_the_search(case: tuple[Dag, Budget], seed: int) -> None:
    dag, budget = case
    if not len(dag):
        return
    objective = Objective.of(dag, budget, 5.0, 0.1)
    solution = Solution(dag, budget, Levels().split(dag, budget), objective, 5.0)
    before = solution.value
    search = Search(solution, seed)
    for _ in range(6):
        search.run(25)
        assert solution.value <= before * (1 + 1e-9)
        merge(solution, 0.0)
        assert solution.value <= before * (1 + 1e-9)
        before = solution.value
        labels = solution.parts.labels()
        assert order_problem(dag, labels) is None
        assert over_budget(dag, budget, labels) == []
        makespan = barrier_makespan(dag, labels, 5.0)
        assert solution.times.makespan == pytest.approx(makespan)
        assert solution.value == pytest.approx(objective.value(makespan, len(set(labels)), solution.parts.cut))
        check(dag, solution.parts)
        for part in solution.parts.order:
            path = sum(dag.seconds[step] for step in solution.times.path(part))
            assert solution.times.length[part] == solution.times.longest(part) == pytest.approx(path)
        ends = [solution.times.end[part] + solution.times.after[part] for part in solution.parts.order]
        assert max(ends) == pytest.approx(makespan)


def test_merging_does_not_close_a_circle() -> None:
    """A and C have room for each other, but B is between them."""
    dag = Dag.of("abc", [[], [0], [1]], [1.0, 1.0, 1.0], steps=[1, 3, 1])
    solution = Solution(dag, Budget(steps=3), [0, 1, 2], Objective.of(dag, Budget(steps=3), 1.0, 9.0), 1.0)
    merge(solution, 1.0)
    assert len(solution.parts) == 3


def test_merging_brings_parts_together_that_others_lie_between() -> None:
    dag = Dag.of("abcd", [[], [0], [], [2]], [1.0] * 4, steps=[1, 3, 1, 3])
    solution = Solution(dag, Budget(steps=3), [0, 1, 2, 3], Objective.of(dag, Budget(steps=3), 1.0, 9.0), 1.0)
    merge(solution, 1.0)
    assert len(solution.parts) == 3
    assert solution.parts.part[0] == solution.parts.part[2]
