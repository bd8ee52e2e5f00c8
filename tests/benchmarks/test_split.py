"""The benchmark of splitting: its graphs are what they are called, and its figures are what they say."""

from __future__ import annotations

import importlib.util
from itertools import product

import pytest

from benchmarks.split import by_method, summary, wrong
from benchmarks.split_graphs import BUDGET, KINDS, generated
from benchmarks.split_methods import METHODS, OURS, bound, cut
from benchmarks.split_small import least_value, optimum_ratios, small_graphs
from couler_plugins.parallelism.bound import barrier_makespan
from couler_plugins.parallelism.budget import Budget, check_steps
from couler_plugins.parallelism.check import order_problem, over_budget
from couler_plugins.parallelism.objective import Objective
from parallelism_graphs import DEADLOCK, named


@pytest.mark.parametrize("kind", KINDS)
def test_graphs_follow_from_their_seeds_and_fit_step_by_step(kind: str) -> None:
    first, again, other = (generated(kind, 500, seed).dag for seed in (3, 3, 4))
    assert 400 <= len(first) <= 500
    assert (list(first.parents), list(first.seconds)) == (list(again.parents), list(again.seconds))
    assert list(first.seconds) != list(other.seconds)
    assert min(first.seconds) > 0
    check_steps(first, BUDGET)


def test_kinds_are_what_they_are_called() -> None:
    chain, star, layered, fork_join = (
        generated(kind, 400, 0).dag for kind in ("chain", "star", "layered", "fork-join")
    )
    assert all(list(above) == [step - 1] for step, above in enumerate(chain.parents) if step)
    assert all(list(above) == [0] for step, above in enumerate(star.parents) if step)
    assert {len(above) for above in layered.parents} <= {0, 1, 2, 3}
    assert sum(not above for above in layered.parents) == round(len(layered) ** 0.5)
    assert sum(not above for above in fork_join.parents) == 1


def test_a_cut_says_what_is_wrong_with_the_paper_s() -> None:
    subject = generated("random", 300, 1)
    found = [cut(subject, method, 10.0) for method in METHODS if "effort" not in method]
    faults = wrong(found)
    assert faults["cyclic"].pop("paper") == faults["over_budget"].pop("paper") == 1
    assert not any([*faults["cyclic"].values(), *faults["over_budget"].values()])
    ours = next(one for one in found if one.method == OURS)
    others = [one for one in found if one.method != "paper" and not one.method.startswith(OURS)]
    assert ours.stretch < min(one.stretch for one in others)
    least = bound(subject, 10.0)
    assert 1 <= least <= ours.stretch
    figures = summary([ours, ours], {ours.subject: least}, "_x")
    assert figures["stretch_x"] == {OURS: pytest.approx(ours.stretch)}
    assert figures["bound_ratio_x"] == {OURS: pytest.approx(ours.stretch / least)}
    assert by_method([ours], lambda one: 4.0)[OURS] == pytest.approx(4.0)


@pytest.mark.skipif(importlib.util.find_spec("ortools") is None, reason="needs ortools")
def test_the_optimum_is_that_of_trying_everything() -> None:
    dag = named(DEADLOCK, 7.0)
    budget = Budget(steps=3)
    objective = Objective.of(dag, budget, 10, 0.1)
    values = []
    for labels in product(range(len(dag)), repeat=len(dag)):
        if order_problem(dag, labels) is None and not over_budget(dag, budget, labels):
            crossing = sum(labels[one] != labels[step] for step in range(len(dag)) for one in dag.parents[step])
            values.append(objective.value(barrier_makespan(dag, labels, 10), len(set(labels)), crossing))
    assert least_value(dag, budget, 10, 0.1, max(values)) == pytest.approx(min(values))


def test_without_the_solver_there_is_no_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.split_small.find_spec", lambda _: None)
    assert small_graphs(4, 0) == []
    assert optimum_ratios([])["optimum_graphs"] == 0
    assert optimum_ratios([1.0, None, 1.02])["optimum_ratio_max"] == {OURS: 1.02}
