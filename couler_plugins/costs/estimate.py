"""Estimates of what runs cost, of numbers alone: reservations, times and prices. Unknown is None, never zero."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import NamedTuple

import msgspec

from couler_plugins.ir.quantities import GIBIBYTE
from couler_plugins.options.prices import Price
from couler_plugins.rightsizing.estimate import estimate_time
from couler_plugins.runs import Attempt

HOUR = 3600.0
FEWEST = 3
"""Runs that make a range; fewer make a point."""
DIGITS = 12
"""Digits behind the point of what is computed; further ones come of binary fractions."""


class Reservation(NamedTuple):
    """What a pod has of its node while it runs: cores, bytes of memory, and GPUs; None where that is not known."""

    cores: float | None = None
    memory: float | None = None
    gpus: float = 0.0


class Amounts(msgspec.Struct, frozen=True, omit_defaults=True):
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


class Range(msgspec.Struct, frozen=True):
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
    amounts = [(role, max(request or 0.0, use or 0.0)) for role, request, use in asks if (request, use) != (None, None)]
    together = sum(amount for role, amount in amounts if role != "init")
    return max([together, *(amount for role, amount in amounts if role == "init")]) if amounts else None


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
    per_hour = (cores, None if memory is None else memory / GIBIBYTE, gpus)
    hours = [None if amount is None else round(amount * seconds / HOUR, DIGITS) for amount in per_hour]
    money = grams = None
    if price is not None:
        money = _weighted(hours, (price.core_hour, price.gib_hour, price.gpu_hour if gpus else 0.0))
        watts = (price.watts_per_core, price.watts_per_gib, price.watts_per_gpu if gpus else 0.0)
        kilowatt_hours = _weighted(hours, [None if one is None else one / 1000 for one in watts])
        grams = _weighted(
            (kilowatt_hours,), (None if price.grams_per_kwh is None else price.pue * price.grams_per_kwh,)
        )
    return Amounts(hours[0], hours[1], hours[2] or None, money, grams)


def scale_of(attempts: Sequence[Attempt], input_scale: float) -> float:
    """Return how much longer a step takes with an input of another size; 1 where its time does not follow its input.

    Args:
        attempts: its past attempts.
        input_scale: the size of the next input, beside that of past ones.
    """
    pairs = [(one.seconds, one.input_bytes) for one in attempts if one.seconds and one.input_bytes is not None]
    if not pairs or input_scale == 1:
        return 1.0
    times, sizes = ([pair[part] for pair in pairs] for part in (0, 1))
    return estimate_time(times, sizes, fmean(sizes) * input_scale) / estimate_time(times, sizes, fmean(sizes))


def _weighted(amounts: Sequence[float | None], weights: Sequence[float | None]) -> float | None:
    """Return a weighted sum; None where an amount or a weight is not known."""
    terms = [one * by for one, by in zip(amounts, weights, strict=True) if one is not None and by is not None]
    return round(sum(terms), DIGITS) if len(terms) == len(amounts) else None


def spread(values: Sequence[float]) -> Range:
    """Return the range of what single runs cost: its 10th, 50th and 90th percentile, between the nearest two.

    Of fewer than three runs, it is one point, their median.
    """
    ordered = sorted(values)
    last = len(ordered) - 1

    def percentile(share: float) -> float:
        below = int(share * last)
        above = ordered[min(below + 1, last)]
        return round(ordered[below] + (above - ordered[below]) * (share * last - below), DIGITS)

    return Range(*map(percentile, (0.1, 0.5, 0.9) if len(ordered) >= FEWEST else (0.5, 0.5, 0.5)))
