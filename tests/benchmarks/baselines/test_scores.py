"""The paper's equations against the figures of the golden diamond."""

from __future__ import annotations

import pytest

from benchmarks.baselines.scores import (
    JobGraph,
    critical_path,
    importance,
    literal_importance,
    literal_reconstruction_costs,
    literal_reuse_value,
    peak_memory,
    reconstruction_cost,
    reuse_value,
)
from caching.policies.worlds import DIAMOND

A, B, C, D = range(4)
ALL = {A, B, C, D}
GB = 1e9
GRAPH = JobGraph(
    parents=[tuple("abcd".index(parent) for parent in parents) for parents, _, _, _ in DIAMOND.values()],
    seconds=[seconds for _, seconds, _, _ in DIAMOND.values()],
)
SIZES = [size for _, _, size, _ in DIAMOND.values()]
CAPACITY = 5 * GB


def score(u: int, cached: frozenset[int] = frozenset(), pending: set[int] = ALL) -> float:
    cost = reconstruction_cost(GRAPH, u, cached)
    return importance(cost, reuse_value(GRAPH, u, pending, cached), SIZES[u], CAPACITY, alpha=1.5, beta=1.0)


def test_time_and_memory() -> None:
    assert critical_path(GRAPH) == 55
    assert peak_memory(GRAPH, [memory for _, _, _, memory in DIAMOND.values()]) == 24


def test_memory_of_jobs_that_only_meet_is_not_added() -> None:
    chain = JobGraph(parents=[(), (0,)], seconds=[1.0, 1.0])
    assert peak_memory(chain, [3, 4]) == 4


def test_nothing_takes_nothing() -> None:
    assert critical_path(JobGraph([], [])) == peak_memory(JobGraph([], []), []) == 0


@pytest.mark.parametrize(
    ("u", "cost", "reuse", "value", "literal"),
    [
        (A, 10, 4.5, 23.5172, 0.1147),
        (B, 34, 2, 9.2379, 3.4555),
        (C, 54, 2, 9.4603, 4.0438),
        (D, 91, 0, 6.7629, 5.9572),
    ],
)
def test_golden_table(u: int, cost: float, reuse: float, value: float, literal: float) -> None:
    assert reconstruction_cost(GRAPH, u) == cost
    assert reuse_value(GRAPH, u, ALL) == reuse
    assert score(u) == pytest.approx(value, abs=5e-5)
    literal_reuse = literal_reuse_value(GRAPH, u, ALL)
    literal_cost = literal_reconstruction_costs(GRAPH)[u]
    assert literal_importance(literal_cost, literal_reuse, SIZES[u] / GB, 1.5, 1.0) == pytest.approx(literal, abs=5e-5)


def test_what_is_cached_need_not_be_made_again() -> None:
    assert [reconstruction_cost(GRAPH, u, {A}) for u in (B, C, D)] == [20, 40, 73]


def test_hops_limit_both_ways() -> None:
    assert reconstruction_cost(GRAPH, D, hops=1) == 73
    assert reuse_value(GRAPH, A, ALL, hops=1) == 4
    assert reconstruction_cost(GRAPH, D, hops=0) == 5
    assert reuse_value(GRAPH, A, ALL, hops=0) == 0


def test_cached_consumers_hide_what_is_behind_them() -> None:
    assert reuse_value(GRAPH, A, ALL, {B}) == 2.5
    assert reuse_value(GRAPH, A, ALL, {B, C}) == 0


def test_jobs_that_are_done_count_by_their_chance_to_run_again() -> None:
    assert reuse_value(GRAPH, A, {C, D}) == 2.5
    assert reuse_value(GRAPH, A, {C, D}, rho=0.25) == 3.0


def test_scores_when_c_arrives() -> None:
    cached, pending = frozenset({A, B, C}), {D}
    scores = [score(u, cached, pending) for u in (A, B, C)]
    assert scores == pytest.approx([3.2672, 8.4716, 9.0197], abs=5e-5)


def test_room_has_a_price_only_under_a_capacity() -> None:
    assert importance(0, 0, 7, None, 1, 1) == 0
    assert importance(0, 0, 7, 0, 1, 1) == -1
    assert importance(0, 0, 0, 0, 1, 1) == 0
    assert importance(0, 0, 1, 10, 1, 1) > importance(0, 0, 2, 10, 1, 1)


def test_literally_larger_scores_higher() -> None:
    assert literal_importance(0, 0, 2, 1, 1) > literal_importance(0, 0, 1, 1, 1)
