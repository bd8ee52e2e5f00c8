"""Steps that have to stay together do, with all that lies between them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.ir import Bond
from couler_plugins.parallelism.bonds import contract
from couler_plugins.parallelism.check import order_problem, over_budget
from couler_plugins.parallelism.simple import Levels
from parallelism_graphs import cases, named

CHAIN = named({"a": "", "b": "a", "c": "b", "d": "c", "e": "d"})


def test_a_path_that_leaves_and_comes_back_joins() -> None:
    found = contract(CHAIN, [Bond(("b", "d"), "they share a volume")], Budget())
    assert found.groups == ((0,), (1, 2, 3), (4,))
    assert found.reasons == ((), ("they share a volume",), ())
    assert list(found.dag.names) == ["a", "b", "e"]
    assert [list(some) for some in found.dag.parents] == [[], [0], [1]]
    assert (list(found.dag.seconds), list(found.dag.steps)) == ([1.0, 3.0, 1.0], [1, 3, 1])
    assert found.expand([0, 0, 1]) == [0, 0, 0, 0, 1]


def test_bonds_that_meet_are_one() -> None:
    found = contract(CHAIN, [Bond(("a", "b"), "x"), Bond(("b", "c"), "y"), Bond(("b", "a"), "x")], Budget())
    assert found.groups == ((0, 1, 2), (3,), (4,))
    assert found.reasons == (("x", "y"), (), ())


def test_what_lies_across_two_bonds_is_a_cycle_and_joins() -> None:
    dag = named({"a": "", "b": "", "c": "a", "d": "b"})
    assert contract(dag, [Bond(("a", "d"), "x"), Bond(("b", "c"), "y")], Budget()).groups == ((0, 1, 2, 3),)


def test_nothing_bonded_is_the_same_graph() -> None:
    found = contract(CHAIN, [Bond(("c",), "alone")], Budget())
    assert found.groups == tuple((step,) for step in range(5))
    assert not any(found.reasons)


def test_a_set_that_is_too_big_says_which_steps_why_and_by_how_much() -> None:
    with pytest.raises(
        InvalidInput,
        match=r"'a', 'b', 'c', 'd' have to stay in one part \(a lock; a loop\), .* 4 steps: 1 more than the 3",
    ) as caught:
        contract(CHAIN, [Bond(("a", "c"), "a lock"), Bond(("c", "d"), "a loop")], Budget(steps=3))
    assert caught.value.hint


def test_a_bond_with_a_step_that_is_not_there() -> None:
    with pytest.raises(InvalidInput, match="a bond names 'z', which is no step"):
        contract(CHAIN, [Bond(("a", "z"), "a lock")], Budget())


@given(cases(), st.lists(st.sets(st.integers(0, 39), min_size=2, max_size=4), max_size=4))
def test_what_fits_contracted_fits_expanded(case: tuple[Dag, Budget], drawn: list[set[int]]) -> None:
    dag, _ = case
    bonds = [Bond(tuple(dag.names[step] for step in sorted(some)), "r") for some in drawn if max(some) < len(dag)]
    found = contract(dag, bonds, Budget())
    largest = max((dag.wrapper + sum(dag.bytes) + sum(dag.weights) + sum(dag.exports) + sum(dag.imports), 1))
    budget = Budget(bytes=largest, steps=max([*found.dag.steps, 5]))
    labels = found.expand(Levels().split(found.dag, budget))
    assert order_problem(dag, labels) is None
    assert over_budget(dag, budget, labels) == []
    for some in drawn:
        if max(some, default=99) < len(dag):
            assert all(labels[one] == labels[other] for one, other in pairwise(sorted(some)))
