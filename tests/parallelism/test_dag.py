"""Graphs are numbered so that every edge goes up, and refused where that is not possible."""

from __future__ import annotations

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.dag import Dag
from parallelism_graphs import named


def test_an_order_that_is_topological_stays() -> None:
    dag = Dag.of("abc", [[], [0], [0, 1]], [1.0, 2.0, 3.0])
    assert list(dag.names) == ["a", "b", "c"]
    assert [list(some) for some in dag.parents] == [[], [0], [0, 1]]
    assert [list(some) for some in dag.children] == [[1, 2], [2], []]
    assert (len(dag), dag.edges, dag.critical_path()) == (3, 3, 6.0)


def test_any_other_is_relabelled_with_all_that_belongs_to_the_steps() -> None:
    dag = Dag.of("cba", [[1, 2], [2], []], [3.0, 2.0, 1.0], bytes=[30, 20, 10], pods=[3, 2, 1], imports=[33, 22, 11])
    assert list(dag.names) == ["a", "b", "c"]
    assert [list(some) for some in dag.parents] == [[], [0], [0, 1]]
    assert (list(dag.seconds), list(dag.bytes), list(dag.imports)) == ([1.0, 2.0, 3.0], [10, 20, 30], [11, 22, 33])
    assert (list(dag.pods), list(dag.steps), list(dag.exports)) == ([1, 2, 3], [1, 1, 1], [0, 0, 0])


def test_a_cycle_is_named() -> None:
    with pytest.raises(InvalidInput, match="there is a cycle: b waits for d waits for c waits for b") as caught:
        Dag.of("abcd", [[], [0, 3], [1], [2]], [1.0] * 4)
    assert caught.value.hint
    with pytest.raises(InvalidInput, match="a cycle: a waits for a"):
        Dag.of("a", [[0]], [1.0])


def test_a_long_cycle_is_shortened() -> None:
    count = 1_000
    with pytest.raises(InvalidInput) as caught:
        Dag.of([f"s{step}" for step in range(count)], [[(step + 1) % count] for step in range(count)], [1.0] * count)
    assert len(str(caught.value)) < 300


def test_two_steps_of_one_name() -> None:
    with pytest.raises(InvalidInput, match="two steps are called 'b'"):
        Dag.of("abb", [[], [], []], [1.0] * 3)


def test_no_steps() -> None:
    dag = Dag.of([], [], [])
    assert (len(dag), dag.edges, dag.critical_path()) == (0, 0, 0.0)


def test_turned_around_twice_it_is_the_same() -> None:
    dag = named({"a": "", "b": "a", "c": "a", "d": "bc"})
    back = dag.reversed()
    assert list(back.names) == ["d", "c", "b", "a"]
    assert [list(some) for some in back.parents] == [[], [0], [0], [1, 2]]
    again = back.reversed()
    assert [list(some) for some in again.parents] == [list(some) for some in dag.parents]
    assert dag.tails() == back.finishes()[::-1]


def test_pieces_are_counted_once_and_move_with_the_steps() -> None:
    dag = Dag.of("ba", [[1], []], [1.0, 1.0], bytes=[5, 7], shares=[(0, 1), (1,)], weights=[100, 10])
    assert list(dag.names) == ["a", "b"]
    assert [dag.alone(step) for step in range(2)] == [17, 115]
    assert dag.shared(range(2)) == 110
    assert [dag.reversed().alone(step) for step in range(2)] == [115, 17]
    assert dag.reversed().shared([1]) == 10
