"""Intervals of differences: what they find, what they leave alone, and that nothing odd breaks them."""

from __future__ import annotations

import math
import random
import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from couler_plugins.comparison.effect import (
    FEWEST,
    Effect,
    Scale,
    compare_amounts,
    compare_shares,
    is_trend,
    like_for_like,
)

AMOUNTS = st.lists(st.floats(0, 1e12), min_size=1, max_size=12)
POSITIVE = st.lists(st.floats(1e-3, 1e9), min_size=FEWEST, max_size=12)


def drawn(count: int, seed: int, factor: float = 1.0, sigma: float = 0.05) -> list[float]:
    chance = random.Random(seed)
    return [factor * 600 * chance.lognormvariate(0, sigma) for _ in range(count)]


def effect(before: Sequence[float], after: Sequence[float]) -> Effect:
    result = compare_amounts(before, after)
    assert result is not None
    return result


def test_a_tenth_less_is_found_with_twenty_runs_a_side() -> None:
    result = effect(drawn(20, 1), drawn(20, 2, 0.9))
    assert result.is_change
    assert result.low is not None
    assert result.high is not None
    assert result.low < -0.1 < result.high < 0
    assert result.change == pytest.approx(result.after / result.before - 1)


def test_one_run_on_a_slow_node_decides_nothing() -> None:
    slow = [*drawn(19, 2, 0.9), 6000.0]
    assert effect(drawn(20, 1), slow).is_change
    assert not effect(drawn(20, 1), [*drawn(19, 2), 6000.0]).is_change


def test_equal_seeds_give_equal_intervals() -> None:
    before, after = drawn(20, 1), drawn(20, 2)
    assert compare_amounts(before, after, seed=3) == compare_amounts(before, after, seed=3)
    assert compare_amounts(before, after, seed=3) != compare_amounts(before, after, seed=4)


@pytest.mark.parametrize("scale", ["ratio", "difference"])
def test_another_order_of_summing_is_no_change(scale: Scale) -> None:
    result = compare_amounts([0.1 + 0.2 + 0.3] * 20, [0.3 + 0.2 + 0.1] * 20, scale=scale)
    assert result is not None
    assert not result.is_change


def test_memory_does_not_grow_with_the_square_of_the_runs() -> None:
    before, after = drawn(3000, 1), drawn(3000, 2)
    tracemalloc.start()
    compare_amounts(before, after, sizes=[before, after])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80e6


def test_blocks_of_the_resampling_are_no_part_of_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = effect(drawn(20, 1), drawn(30, 2))
    monkeypatch.setattr("couler_plugins.comparison.effect.CELLS", 7 * 50)
    assert effect(drawn(20, 1), drawn(30, 2)) == at_once


@pytest.mark.parametrize("scale", [0.05, 0.3])
def test_equal_sides_are_rarely_called_a_change(scale: float) -> None:
    alarms = [effect(drawn(20, seed, sigma=scale), drawn(20, seed + 500, sigma=scale)).is_change for seed in range(60)]
    assert sum(alarms) <= 5


def test_too_few_runs_have_no_interval() -> None:
    result = effect(drawn(FEWEST - 1, 1), drawn(20, 2, 0.5))
    assert (result.low, result.high, result.is_change, result.runs_needed) == (None, None, False, None)
    assert result.change < -0.4


@pytest.mark.parametrize("sides", [([], [1.0]), ([1.0], []), ([], [])])
def test_a_side_without_runs_has_no_effect(sides: tuple[list[float], list[float]]) -> None:
    assert compare_amounts(*sides) is None
    assert compare_shares(*([value > 0 for value in side] for side in sides)) is None


def test_nothing_is_divided_by_zero() -> None:
    result = effect([0.0] * 20, drawn(20, 1))
    assert result.scale == "difference"
    assert result.is_change
    assert result.change == pytest.approx(result.after)


def test_sides_that_never_vary_differ_or_are_equal() -> None:
    assert not effect([5.0] * 9, [5.0] * 9).is_change
    assert effect([5.0] * 9, [4.0] * 9).is_change


def test_inputs_are_taken_out() -> None:
    chance = random.Random(1)
    sizes = [[chance.lognormvariate(0, 0.5) for _ in range(20)] for _ in range(2)]
    before, after = (
        [time * size for time, size in zip(drawn(20, seed, factor), side, strict=True)]
        for seed, factor, side in zip((1, 2), (1, 0.9), sizes, strict=True)
    )
    assert not effect(before, after).is_change
    level = compare_amounts(before, after, sizes=sizes)
    assert level is not None
    assert level.is_change
    assert level.change == pytest.approx(-0.1, abs=0.05)


def test_larger_inputs_are_no_slower_program() -> None:
    chance = random.Random(1)
    sizes = [[factor * chance.lognormvariate(0, 0.3) for _ in range(20)] for factor in (1, 1.5)]
    sides = [[t * s for t, s in zip(drawn(20, n), side, strict=True)] for n, side in enumerate(sizes)]
    assert effect(*sides).is_change
    level = compare_amounts(sides[0], sides[1], sizes=sizes)
    assert level is not None
    assert not level.is_change


def test_equal_inputs_change_nothing() -> None:
    before, after = drawn(20, 1), drawn(20, 2)
    assert compare_amounts(before, after, sizes=([7.0] * 20, [7.0] * 20)) == compare_amounts(before, after)


def test_failures_that_were_not_seen_may_still_come() -> None:
    never = compare_shares([False] * 20, [False] * 20)
    assert never is not None
    assert never.low is not None
    assert never.high is not None
    assert never.low < -0.1 < 0.1 < never.high
    often = compare_shares([False] * 40, [True] * 15 + [False] * 25)
    assert often is not None
    assert often.is_change


def test_steps_like_for_like_even_out_what_varies_from_step_to_step() -> None:
    rows = np.random.default_rng(0).lognormal(3, 0.5, (40, 200))
    index = like_for_like(rows)
    assert np.log(index).std() < 0.1
    assert like_for_like(rows * 0.9) == pytest.approx(0.9 * index, rel=1e-4)


@pytest.mark.parametrize(
    ("values", "sign"),
    [
        (lambda: [float(number) for number in range(20)], 1),
        (lambda: [-float(number) for number in range(20)], -1),
        (lambda: drawn(20, 5), 0),
        (lambda: [1.0] * 20, 0),
        (lambda: [1.0, 2.0], 0),
        (list, 0),
    ],
)
def test_a_trend_is_one_by_ranks(values: Callable[[], list[float]], sign: int) -> None:
    assert np.sign(is_trend(values())) == sign


@given(AMOUNTS, AMOUNTS)
@settings(max_examples=25, deadline=None)
def test_whatever_amounts_give_figures(before: list[float], after: list[float]) -> None:
    result = effect(before, after)
    assert all(math.isfinite(figure) for figure in (result.before, result.after, result.change))
    if result.low is not None and result.high is not None:
        assert result.low <= result.change <= result.high or math.isclose(result.low, result.high, abs_tol=1e-6)
    else:
        assert min(len(before), len(after)) < FEWEST


@given(POSITIVE, POSITIVE, st.floats(0.01, 100))
@settings(max_examples=15, deadline=None)
def test_units_change_no_ratio(before: list[float], after: list[float], unit: float) -> None:
    result, other = effect(before, after), effect([unit * one for one in before], [unit * one for one in after])
    assert other.change == pytest.approx(result.change, rel=1e-6, abs=1e-9)
    assert other.low == pytest.approx(result.low, rel=1e-6, abs=1e-6)
