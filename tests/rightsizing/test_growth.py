"""How use follows input: the line that least squares give, and no line through what shows none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.rightsizing.growth import FEWEST, fit_growth


def test_a_line_is_fitted_exactly() -> None:
    inputs = [1e9, 2e9, 3e9, 4e9, 5e9]
    growth = fit_growth(inputs, [3e8 + 0.5 * one for one in inputs])
    assert growth is not None
    assert growth.slope == pytest.approx(0.5)
    assert growth.r_squared == pytest.approx(1.0)
    assert growth.attempts == 5


def test_noise_lowers_the_share_that_is_explained() -> None:
    # By hand: inputs 1..5, peaks 2 1 4 3 5: covariance 8, variances 10 and 10, so the slope is 0.8 and r squared 0.64.
    growth = fit_growth([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])
    assert growth is not None
    assert growth.slope == pytest.approx(0.8)
    assert growth.r_squared == pytest.approx(0.64)


@pytest.mark.parametrize(
    ("inputs", "peaks"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4]),
        ([7] * 6, [1, 2, 3, 4, 5, 6]),
        ([1, 2, 3, 4, 5, 6], [7] * 6),
        ([0] * 5, [0] * 5),
        ([], []),
    ],
)
def test_no_line_is_drawn_through_what_shows_none(inputs: list[float], peaks: list[float]) -> None:
    assert fit_growth(inputs, peaks) is None


@given(st.lists(st.tuples(st.integers(0, 2**45), st.integers(1, 2**45)), min_size=FEWEST, max_size=40))
def test_the_share_is_between_none_and_all(pairs: list[tuple[int, int]]) -> None:
    growth = fit_growth([pair[0] for pair in pairs], [pair[1] for pair in pairs])
    assert growth is None or 0 <= growth.r_squared <= 1
