"""Estimates ask for more than was seen, by as much as the number and the spread of what was seen warrant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.rightsizing.estimate import estimate_cpu, estimate_request, estimate_time

PEAKS = st.lists(st.floats(1, 1e12), min_size=1, max_size=60)


@pytest.mark.parametrize(
    ("peaks", "request_"),
    [
        ([100], 130.3),
        ([100] * 8, 109.9),
        ([100] * 400, 102.0),
        ([100, 95], 127.9),
        ([100, 50], 200.0),
        ([50, 0, 100], 200.0),
        ([0], 0.0),
        ([], 0.0),
    ],
    ids=["one", "equal", "many", "near", "far", "zero", "nothing", "none"],
)
def test_requests_depend_on_number_and_spread(peaks: list[float], request_: float) -> None:
    assert estimate_request(peaks) == pytest.approx(request_, abs=0.1)


@given(PEAKS)
def test_a_request_is_between_the_largest_peak_and_its_double(peaks: list[float]) -> None:
    assert 1.02 - 1e-9 <= estimate_request(peaks) / max(peaks) <= 2


@given(PEAKS, st.floats(1e-6, 1e6))
def test_another_unit_gives_the_same_request(peaks: list[float], unit: float) -> None:
    assert estimate_request([peak * unit for peak in peaks]) == pytest.approx(unit * estimate_request(peaks))


@given(PEAKS, st.floats(1, 10))
def test_a_larger_peak_never_lowers_the_request(peaks: list[float], factor: float) -> None:
    ordered = sorted(peaks)
    assert estimate_request([*ordered[:-1], ordered[-1] * factor]) >= estimate_request(peaks) * (1 - 1e-9)


@given(PEAKS)
def test_the_order_does_not_matter(peaks: list[float]) -> None:
    assert estimate_request(peaks[::-1]) == estimate_request(peaks)


@given(PEAKS, st.floats(1, 100))
def test_who_minds_failures_more_asks_for_more(peaks: list[float], times: float) -> None:
    assert estimate_request(peaks, penalty=20 * times) >= estimate_request(peaks)


@pytest.mark.parametrize(
    ("uses", "times", "cores"),
    [
        ([], [], 0.0),
        ([1.5], [], 1.5),
        ([2, 1], [], 2),
        ([*range(1, 101)], [], 95),
        ([8] + [1] * 19, [], 1),
        ([8, 1], [1, 30], 1),
        ([1, 8], [30, 2], 8),
        ([8, 1], [0, 0], 8),
    ],
    ids=["none", "one", "two", "hundred", "outlier", "short", "longer", "unmeasured"],
)
def test_cpu_is_a_quantile_of_time(uses: list[float], times: list[float], cores: float) -> None:
    assert estimate_cpu(uses, times) == cores


@pytest.mark.parametrize(
    ("sizes", "size", "time"),
    [
        ([], None, 20),
        ([1, 2, 3], None, 20),
        ([], 6, 20),
        ([1, 2, 3], 6, 60),
        ([None, 2, 3], 6, 60),
        ([None, None, 3], 6, 20),
        ([3, 2, 1], 6, 20),
        ([0, 0, 0], 6, 20),
    ],
    ids=["mean", "unknown", "unsized", "sized", "partly", "one", "against", "empty"],
)
def test_times_follow_sizes_that_explain_them(sizes: list[float | None], size: float | None, time: float) -> None:
    assert estimate_time([10, 20, 30], sizes, size) == pytest.approx(time)


def test_without_times_there_is_no_time() -> None:
    assert estimate_time([], [], 5) == 0
