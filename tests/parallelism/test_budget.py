"""Budgets that make no sense are refused, and so are steps that are larger."""

from __future__ import annotations

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.check import check_steps


@pytest.mark.parametrize("field", ["bytes", "steps", "pods"])
@pytest.mark.parametrize("limit", [0, -1])
def test_nothing_fits_a_budget_below_one(field: str, limit: int) -> None:
    with pytest.raises(InvalidInput, match=f"a budget of {limit} {field}") as caught:
        Budget(**{field: limit})
    assert caught.value.hint


def test_what_is_over() -> None:
    budget = Budget(bytes=10, pods=2)
    assert budget.over(10, 1_000_000, 2) == []
    assert budget.over(11, 1, 3) == [("bytes", 11, 10), ("pods", 3, 2)]
    assert Budget().over(10**12, 10**12, 10**12) == []


def test_a_step_that_is_too_big_is_named_with_the_component_and_by_how_much() -> None:
    dag = Dag.of(
        "abc", [[], [0], [0, 1]], [1.0] * 3, bytes=[10, 10, 10], exports=[5, 5, 5], imports=[7, 8, 9], pods=[1, 9, 1],
        wrapper=100,
    )  # fmt: skip
    check_steps(dag, Budget(bytes=125, steps=1, pods=9))
    with pytest.raises(
        InvalidInput, match=r"the step 'c' alone takes 125 bytes.*reads of 2 others: 1 more than the 124"
    ):
        check_steps(dag, Budget(bytes=124))
    with pytest.raises(InvalidInput, match="the step 'b' alone takes 9 pods: 5 more than the 4") as caught:
        check_steps(dag, Budget(pods=4))
    assert (caught.value.step, bool(caught.value.hint)) == ("b", True)
