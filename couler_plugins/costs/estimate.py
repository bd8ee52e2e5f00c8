"""Estimates of what runs cost, of numbers alone: reservations, times and prices. Unknown is None, never zero."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from couler_plugins.ir.quantities import GIBIBYTE
from couler_plugins.options.prices import Price

HOUR = 3600.0
WATTS_OF_KILOWATT = 1000.0
FEWEST = 3
"""Runs that make a range; fewer make a point."""
LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9
"""The shares of runs that cost less than the ends of a range, and than its middle."""


class Reservation(NamedTuple):
    """What a pod has of a node while it runs.

    Attributes:
        cores, memory: cores and bytes; None where that is not known.
        gpus: whole GPUs.
    """

    cores: float | None = None
    memory: float | None = None
    gpus: float = 0.0


class Amounts(NamedTuple):
    """What something costs; None where that is not known.

    Attributes:
        core_hours, gib_hours, gpu_hours: cores, GiB of memory and GPUs, times hours.
        money: in the currency of the price.
        grams: grams of CO2e.
    """

    core_hours: float | None = None
    gib_hours: float | None = None
    gpu_hours: float | None = None
    money: float | None = None
    grams: float | None = None


class Range(NamedTuple):
    """What nine of ten runs cost more than, half of them, and one of ten; all the same where there are few runs."""

    low: float
    median: float
    high: float


def reserved(asks: Iterable[tuple[str, float | None, float | None]]) -> float | None:
    """Return how much of one resource a pod has: its containers at once, or the largest init container before them.

    A container counts with the larger of its request and its use, as in OpenCost: a pod that uses more than it requests
    takes that from the node as well. So a request below the use saves nothing.

    Args:
        asks: the role of each container, what it requests, and what it used; None where it requests nothing, or where
            nothing is known of its use.
    """
    known_asks = [
        (role, max(amount for amount in (request, use) if amount is not None))
        for role, request, use in asks
        if request is not None or use is not None
    ]
    if not known_asks:
        return None
    together = sum(amount for role, amount in known_asks if role != "init")
    return max(together, *(amount for role, amount in known_asks if role == "init"), 0.0)


def cost_of(
    seconds: float, cores: float | None, memory: float | None, price: Price | None = None, gpus: float = 0.0
) -> Amounts:
    """Return what a pod costs.

    Args:
        seconds: how long it runs.
        cores, memory: what it has of its node, in cores and bytes; None where that is not known.
        price: what the node costs; None where that is not known.
        gpus: GPUs that it has.
    """
    hours = seconds / HOUR
    core_hours = None if cores is None else cores * hours
    gib_hours = None if memory is None else memory / GIBIBYTE * hours
    gpu_hours = gpus * hours if gpus else None
    money = grams = None
    if price is not None and core_hours is not None and gib_hours is not None:
        hours_of = (core_hours, gib_hours, gpu_hours or 0.0)
        money = _weighted(hours_of, (price.core_hour, price.gib_hour, price.gpu_hour if gpus else 0.0))
        watts = (price.watts_per_core, price.watts_per_gib, price.watts_per_gpu if gpus else 0.0)
        watt_hours = _weighted(hours_of, watts)
        if watt_hours is not None and price.grams_per_kwh is not None:
            grams = watt_hours / WATTS_OF_KILOWATT * price.pue * price.grams_per_kwh
    return Amounts(core_hours, gib_hours, gpu_hours, money, grams)


def _weighted(amounts: Sequence[float], weights: Sequence[float | None]) -> float | None:
    """Return a weighted sum; None where a weight is not known."""
    known_weights = [weight for weight in weights if weight is not None]
    if len(known_weights) < len(weights):
        return None
    return sum(amount * weight for amount, weight in zip(amounts, known_weights, strict=True))


def total(items: Iterable[Amounts]) -> Amounts:
    """Return the sum of what is known; an amount that is known of nothing stays unknown."""
    columns = ([value for value in column if value is not None] for column in zip(*items, strict=True))
    return Amounts(*(sum(column) if column else None for column in columns))


def spread(values: Sequence[float]) -> Range:
    """Return the range of what single runs cost: its 10th, 50th and 90th percentile, between the nearest two.

    Of fewer than three runs, it is one point, their median.
    """
    ordered = sorted(values)
    shares = (LOW, MIDDLE, HIGH) if len(ordered) >= FEWEST else (MIDDLE,) * 3
    return Range(*(_percentile(ordered, share) for share in shares))


def _percentile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
