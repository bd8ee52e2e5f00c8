"""Requests of a step, and how long it takes, from what its past attempts used."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import ceil, exp, log, sqrt
from statistics import fmean

# Before anything was seen, the scale of a peak's logarithm is 0.05, and that weighs as much as two peaks.
PRIOR_SCALE, PRIOR_WEIGHT = 0.05, 2
# Equal peaks do not promise the same again, and above twice the largest a retry at the double is the cheaper way.
LEAST_FACTOR, MOST_FACTOR = 1.02, 2.0


def estimate_request(peaks: Sequence[float], penalty: float = 20.0) -> float:
    """Return the memory that a step is to ask for, in the unit of its peaks; zero where none was observed.

    The next peak is above the largest of n with probability 1/(n + 1), if they come in any order. From there on its
    logarithm falls off exponentially; the scale is the mean excess of the largest ones (Hill, "A simple general
    approach to inference about the tail of a distribution", 1975), pulled to the prior where they are few. If a request
    that is too small costs `penalty` times itself, the cheapest one is, to first order, where P(too small) is
    scale / penalty. So the margin is wide for few peaks and for those that spread, and narrow for many near each other.

    Args:
        peaks: what past attempts used at their peaks. Those of zero were not observed.
        penalty: what an attempt that runs out of memory costs, as a multiple of its request.
    """
    seen = sorted((peak for peak in peaks if peak > 0), reverse=True)
    if not seen:
        return 0.0
    tail = min(ceil(sqrt(len(seen))), len(seen) - 1)
    excess = sum(log(peak / seen[tail]) for peak in seen[:tail])
    scale = (excess + PRIOR_SCALE * PRIOR_WEIGHT) / (tail + PRIOR_WEIGHT)
    factor = exp(scale * log(penalty / (scale * (len(seen) + 1))))
    return seen[0] * min(max(factor, LEAST_FACTOR), MOST_FACTOR)


def estimate_cpu(uses: Sequence[float], times: Sequence[float] = (), share: float = 0.95) -> float:
    """Return the cores that a step is to ask for; zero where no use was observed.

    A step that wants more than its request is only slower, and not even that while its node has cores to spare. So a
    quantile does, without a margin. It is one of time: cores are reserved for as long as an attempt takes, and the
    short ones are often those that use most.

    Args:
        uses: the mean cores of past attempts.
        times: how long each of them took; nothing if they count alike.
        share: how much of the time is to get along with the request.
    """
    pairs = sorted(zip(uses, times if any(times) else [1.0] * len(uses), strict=True))
    ends = list(accumulate(time for _, time in pairs))
    return next((use for (use, _), end in zip(pairs, ends, strict=True) if end >= share * ends[-1] * (1 - 1e-9)), 0.0)


def estimate_time(times: Sequence[float], sizes: Sequence[float | None] = (), size: float | None = None) -> float:
    """Return how long an attempt takes in the mean, in the unit of the times; zero without any.

    The mean adds up: many attempts take their number times it, where a median is too short for times that are skewed.
    Where it is known what the next attempts read, time per byte is used if it explains the past better than the mean.

    Args:
        times: how long past attempts took.
        sizes: the bytes that each of them read, where known.
        size: the bytes that the next ones read, in the mean.
    """
    if not times:
        return 0.0
    mean = fmean(times)
    pairs = [(time, read) for time, read in zip(times, sizes, strict=False) if read is not None]
    total = sum(read for _, read in pairs)
    if size is None or len(pairs) < 2 or not total:
        return mean
    pace = sum(time for time, _ in pairs) / total
    own = fmean(time for time, _ in pairs)
    by_size = sum(abs(time - pace * read) for time, read in pairs) < sum(abs(time - own) for time, _ in pairs)
    return pace * size if by_size else mean
