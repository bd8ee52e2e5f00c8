"""Costs of pods by hand: every figure here can be checked with a pencil."""

from __future__ import annotations

import pytest

from couler_plugins.costs.estimate import Amounts, Range, cost_of, reserved, scale_of, spread
from couler_plugins.options.prices import Price
from couler_plugins.runs import Attempt

GIB = 2**30
PRICE = Price(core_hour=0.03, gib_hour=0.004, watts_per_core=2.0, watts_per_gib=0.4, pue=1.2, grams_per_kwh=400.0)


def test_a_pod_costs_what_it_has_for_as_long_as_it_runs() -> None:
    """Two hours of 4 cores and 16 GiB: 8 × 0.03 + 32 × 0.004; (8 × 2 + 32 × 0.4) W × 1.2 × 0.4 g."""
    assert cost_of(7200, 4.0, 16 * GIB, PRICE) == Amounts(8.0, 32.0, None, 0.368, 13.824)
    assert cost_of(0, 4.0, 16 * GIB, PRICE) == Amounts(0.0, 0.0, None, 0.0, 0.0)


def test_what_is_not_known_stays_unknown() -> None:
    assert cost_of(7200, 4.0, None, PRICE) == Amounts(core_hours=8.0)
    assert cost_of(7200, None, 16 * GIB, PRICE) == Amounts(gib_hours=32.0)
    assert cost_of(7200, 4.0, 16 * GIB) == Amounts(8.0, 32.0)
    assert cost_of(3600, 1.0, GIB, Price(core_hour=1.0, gib_hour=2.0)) == Amounts(1.0, 1.0, None, 3.0)
    assert cost_of(3600, 1.0, GIB, Price(grams_per_kwh=1000.0)).money is None


def test_gpus_need_a_price_and_watts_of_their_own() -> None:
    assert cost_of(3600, 1.0, GIB, PRICE, gpus=2.0) == Amounts(1.0, 1.0, 2.0)
    price = Price(core_hour=1.0, gib_hour=1.0, gpu_hour=10.0, watts_per_gpu=300.0, pue=1.0, grams_per_kwh=100.0)
    costs = cost_of(3600, 1.0, GIB, price, gpus=2.0)
    assert (costs.gpu_hours, costs.money) == (2.0, 22.0)
    assert costs.grams == pytest.approx((2.12 + 0.42 + 600) / 1000 * 100)


def test_the_usual_power_is_that_of_cloud_carbon_footprint() -> None:
    """0.74 W idle and 3.5 W busy, half of the time each; 0.392 W a GB, which has 10⁹ bytes."""
    price = Price(grams_per_kwh=1.0)
    assert price.watts_per_core == pytest.approx(0.74 + 0.5 * (3.5 - 0.74))
    assert price.watts_per_gib == pytest.approx(0.392 * GIB / 1e9, abs=0.002)


@pytest.mark.parametrize(
    ("asks", "expected"),
    [
        ([], None),
        ([("main", None, None)], None),
        ([("main", 1.0, None)], 1.0),
        ([("main", None, 0.5)], 0.5),
        ([("main", 1.0, 0.2)], 1.0),
        ([("main", 1.0, 3.0)], 3.0),  # it takes more than it requests from the node
        ([("main", 0.0, None)], 0.0),
        ([("main", 1.0, None), ("sidecar", 0.5, None), ("main", None, None)], 1.5),
        ([("init", 2.0, None), ("init", 4.0, None), ("main", 1.0, None), ("sidecar", 1.0, None)], 4.0),
        ([("init", 1.0, None), ("main", 1.0, None), ("sidecar", 1.0, None)], 2.0),
    ],
)
def test_a_pod_has_its_containers_at_once_or_the_largest_before_them(
    asks: list[tuple[str, float | None, float | None]], expected: float | None
) -> None:
    assert reserved(asks) == expected


def test_a_range_leaves_out_a_tenth_at_either_end() -> None:
    assert spread([float(number) for number in range(11)]) == Range(1.0, 5.0, 9.0)
    assert spread([4.5, 12.5, 8.5]) == Range(5.3, 8.5, 11.7)
    assert spread([3.0, 1.0]) == Range(2.0, 2.0, 2.0)
    assert spread([7.0]) == Range(7.0, 7.0, 7.0)


def tried(seconds: float, input_bytes: int | None) -> Attempt:
    return Attempt(start=100.0, end=100.0 + seconds, input_bytes=input_bytes)


@pytest.mark.parametrize(
    ("attempts", "scale"),
    [
        ([tried(10, GIB), tried(21, 2 * GIB), tried(30, 3 * GIB)], 1.5),  # as long as its input is large
        ([tried(10, GIB), tried(10, 2 * GIB), tried(10, 3 * GIB)], 1.0),  # as long, whatever it reads
        ([tried(10, None), tried(20, None)], 1.0),
        ([tried(10, GIB)], 1.0),  # one attempt tells nothing of how time follows input
        ([], 1.0),
    ],
)
def test_time_follows_input_where_it_did(attempts: list[Attempt], scale: float) -> None:
    assert scale_of(attempts, 1.5) == pytest.approx(scale)
    assert scale_of(attempts, 1.0) == 1.0
