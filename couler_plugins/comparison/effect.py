"""Differences between figures of runs before and after a change, with intervals that resampling gives.

Amounts such as times are compared by their logarithms: runs vary by factors. The mean leaves out a tenth of the runs at
either end, so that one run on a slow node decides nothing. The interval is that of the difference over its own error
(Yuen's), whose distribution comes from runs that are dealt out to the two sides anew, with the difference taken out
(Janssen 1997; Chung and Romano 2013). The bootstrap proper, which draws with replacement, calls up to twice as many
differences by chance where runs have heavy tails. Shares of runs have Newcombe's interval: resampling knows nothing of
failures that have not been seen.

Sources: Yuen, Biometrika 61 (1974); Chung and Romano, Annals of Statistics 41 (2013); Newcombe, Statistics in Medicine
17 (1998), method 10.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

LEVEL = 0.98
"""Of an interval: of fifty figures that did not change, one is called a change."""
FEWEST = 5
"""Runs that a side needs for an interval."""
RESAMPLES = 2000
CELLS = 1 << 20
"""Amounts that are held at once for resampling: memory does not grow with the runs."""
PAIRED = 1000
"""Runs of a side between which slopes are taken: their pairs grow with the square."""
ROUNDING = 1e-9
"""What sums of equal amounts in another order may differ by."""
TRIM = 0.1
"""The share of the runs that is left out at either end."""
STEADIEST = 0.02
"""The standard deviation of the logarithm of its seconds that a step has at least."""
POWER, SMALL = 0.8, 0.1
"""The chance of finding a change, and its size, for which the number of runs is said that this takes."""
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
Array = NDArray[np.float64]
Scale = Literal["ratio", "difference"]


class Effect(msgspec.Struct, frozen=True):
    """How a figure of runs differs after a change.

    Attributes:
        scale: whether `change` is a share of the figure before, or a difference from it.
        runs_before, runs_after: how many runs have the figure.
        before, after: the mean; that of logarithms where the change is a share.
        change: -0.1 for a tenth less (`ratio`), or for ten points less of a share (`difference`).
        low, high: the interval of the change; None where a side has too few runs.
        runs_needed: runs a side by which a change of a tenth is found four times out of five; None where not known.
    """

    scale: Scale
    runs_before: int
    runs_after: int
    before: float
    after: float
    change: float
    low: float | None = None
    high: float | None = None
    runs_needed: int | None = None

    @property
    def is_change(self) -> bool:
        """Whether the interval leaves out that nothing has changed."""
        return self.low is not None and self.high is not None and not (self.low <= ROUNDING and self.high >= -ROUNDING)


def compare_amounts(
    before: Sequence[float],
    after: Sequence[float],
    *,
    sizes: Sequence[Sequence[float]] = (),
    scale: Scale = "ratio",
    seed: int = 0,
) -> Effect | None:
    """Return how amounts of runs differ; None where a side has none.

    Args:
        before, after: the amount of each run. Where one is 0, there is no ratio, and the difference is compared.
        sizes: the inputs of each run: amounts are compared as if all were of one size. All are above 0.
        scale: how to compare them.
        seed: of the resampling.
    """
    if not before or not after:
        return None
    if min(*before, *after) <= 0:
        scale = "difference"
    is_ratio = scale == "ratio"
    sides = [np.log(np.array(side)) if is_ratio else np.array(side, dtype=float) for side in (before, after)]
    extra = 0.0
    enough = min(map(len, sides)) >= FEWEST
    if sizes and enough:
        sides, extra = _at_one_size(sides, [np.log(np.array(side)) for side in sizes])
    means = [float(_means(side)[0]) for side in sides]
    change, interval = means[1] - means[0], None
    if enough:
        interval = _interval(sides, extra, np.random.default_rng(seed))
    show = math.exp if is_ratio else float
    low, high = (None, None) if interval is None else (_change(end, is_ratio) for end in interval)
    return Effect(
        scale, len(before), len(after), show(means[0]), show(means[1]), _change(change, is_ratio), low, high,
        _needed(sides) if is_ratio and enough else None,
    )  # fmt: skip


def compare_shares(before: Sequence[bool], after: Sequence[bool]) -> Effect | None:
    """Return how the shares of runs differ of which something is true; None where a side has no runs."""
    if not before or not after:
        return None
    (first, low, high), (second, least, most) = (_wilson(sum(side), len(side)) for side in (before, after))
    change = second - first
    ends = change - math.hypot(second - least, high - first), change + math.hypot(most - second, first - low)
    interval = ends if min(len(before), len(after)) >= FEWEST else (None, None)
    return Effect("difference", len(before), len(after), first, second, change, *interval)


def like_for_like(seconds: Array) -> Array:
    """Return the time of a typical step in each run: the geometric mean, in which steady steps count most.

    The weight of a step is one over the variance of the logarithm of its seconds: of all weights, these tell a change
    that all steps share by the fewest runs, where steps vary by themselves. Which side a run is on is no part of that.
    Engines record whole seconds, which adds a variance of 1/12; and no step counts as if it never varied.

    Args:
        seconds: of each run (row) and each step (column), all above 0.
    """
    logs = np.log(seconds)
    weights = 1 / (logs.var(axis=0) + 1 / (12 * seconds.mean(axis=0) ** 2) + STEADIEST**2)
    means: Array = np.exp(logs @ weights / weights.sum())
    return means


def is_trend(values: Sequence[float]) -> float:
    """Return the rank correlation of values with their order, as far as it is more than chance; else 0."""
    ranks = np.argsort(np.argsort(np.array(values), kind="stable"), kind="stable")
    if len(values) < 2 * FEWEST or len(set(values)) < FEWEST:
        return 0.0
    correlation = float(np.corrcoef(ranks, np.arange(len(values)))[0, 1])
    return correlation if abs(correlation) * math.sqrt(len(values) - 1) > Z else 0.0


def _change(difference: float, is_ratio: bool) -> float:
    return math.expm1(min(difference, 700.0)) if is_ratio else difference


def _means(values: Array) -> tuple[Array, Array]:
    """Return the trimmed means along the last axis, and their squared errors."""
    values = np.sort(values, axis=-1)
    count = values.shape[-1]
    cut = int(TRIM * count)
    size = count - 2 * cut
    means = values[..., cut : count - cut].mean(axis=-1)
    winsorized = np.clip(values, values[..., cut, None], values[..., count - cut - 1, None])
    variance = winsorized.var(axis=-1, ddof=1) if count > 1 else np.zeros_like(means)
    return means, (count - 1) * variance / (size * max(size - 1, 1))


def _interval(sides: Sequence[Array], extra: float, chance: np.random.Generator) -> tuple[float, float]:
    (first, first_error), (second, second_error) = map(_means, sides)
    change, error = float(second - first), math.sqrt(float(first_error + second_error) + extra)
    residuals = np.concatenate([sides[0] - first, sides[1] - second])
    rows = max(1, CELLS // len(residuals))
    blocks = [
        _scores(residuals, len(sides[0]), min(rows, RESAMPLES - row), chance) for row in range(0, RESAMPLES, rows)
    ]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(np.concatenate(blocks), [tail, 1 - tail])
    return change - float(high) * error, change - float(low) * error


def _scores(residuals: Array, first: int, times: int, chance: np.random.Generator) -> Array:
    """Return the difference over its error of each of some times that runs are dealt out anew."""
    dealt = chance.permuted(np.broadcast_to(residuals, (times, len(residuals))), axis=1)
    (one, one_error), (other, other_error) = _means(dealt[:, :first]), _means(dealt[:, first:])
    errors = np.sqrt(one_error + other_error)
    scores: Array = np.divide(other - one, errors, out=np.zeros_like(errors), where=errors > 0)
    return scores


def _at_one_size(sides: list[Array], sizes: list[Array]) -> tuple[list[Array], float]:
    """Return the amounts as if all inputs were of the mean size, and the squared error that this adds.

    The slope is the median of those between all pairs of runs of one side (Theil and Sen).
    """
    slopes: list[Array] = []
    for pair in zip(sides, sizes, strict=True):
        amounts, inputs = (values[:: -(-len(values) // PAIRED)] for values in pair)
        rows, columns = np.triu_indices(len(inputs), 1)
        apart = inputs[columns] - inputs[rows]
        usable = np.abs(apart) > 1e-9
        slopes.append((amounts[columns] - amounts[rows])[usable] / apart[usable])
    every = np.concatenate(slopes)
    if len(every) == 0:
        return sides, 0.0
    slope, center = float(np.median(every)), float(np.concatenate(sizes).mean())
    level = [amounts - slope * (inputs - center) for amounts, inputs in zip(sides, sizes, strict=True)]
    spread = sum(float(((inputs - inputs.mean()) ** 2).sum()) for inputs in sizes)
    noise = float(np.mean([side.var(ddof=1) for side in level]))
    shift = float(sizes[1].mean() - sizes[0].mean())
    return level, shift**2 * noise / spread if spread else 0.0


def _needed(sides: Sequence[Array]) -> int:
    """Return the runs a side by which a change of a tenth is found, as the runs vary."""
    variance = sum(float(_means(side)[1]) * len(side) for side in sides)
    wanted = (Z + NormalDist().inv_cdf(POWER)) / math.log1p(-SMALL)
    return max(FEWEST, math.ceil(wanted**2 * variance))


def _wilson(count: int, of: int) -> tuple[float, float, float]:
    """Return a share and its interval."""
    share, square = count / of, Z * Z
    center, width = share + square / (2 * of), Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return share, (center - width) / (1 + square / of), (center + width) / (1 + square / of)
