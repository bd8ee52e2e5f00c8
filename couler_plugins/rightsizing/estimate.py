"""Requests of a step, and what a call of it takes, from what its past attempts used."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, exp, log, sqrt
from statistics import fmean

# Before any attempt was seen: its peak spreads by 5 %, and that weighs as much as two attempts.
PRIOR_SCALE, PRIOR_WEIGHT = 0.05, 2
# Equal peaks do not promise an equal one, and beyond twice the largest a retry at the double is the cheaper way.
LEAST_FACTOR, MOST_FACTOR = 1.02, 2.0


def estimate_request(peaks: Sequence[float], penalty: float = 20.0) -> float:
    """Return the memory that a step is to ask for, in the unit of its peaks; zero where none was observed.

    The largest of n peaks is exceeded by the next with probability 1/(n + 1), if they come in any order. Beyond it, the
    logarithm of a peak falls off exponentially, with the mean excess of the largest ones as its scale (Hill, "A simple
    general approach to inference about the tail of a distribution", 1975), shrunk to a prior where they are few. What is
    returned minimises the request times 1 + penalty * P(it is exceeded), to first order: there P = scale / penalty.
    So few peaks and peaks that spread get a wide margin, and many equal ones the least.

    Args:
        peaks: what past attempts used at their peaks. Those of zero were not observed.
        penalty: how many times its request an attempt costs that runs out of memory.
    """
    seen = sorted((peak for peak in peaks if peak > 0), reverse=True)
    if not seen:
        return 0.0
    tail = min(ceil(sqrt(len(seen))), len(seen) - 1)
    excess = sum(log(peak / seen[tail]) for peak in seen[:tail])
    scale = (excess + PRIOR_SCALE * PRIOR_WEIGHT) / (tail + PRIOR_WEIGHT)
    factor = exp(scale * log(penalty / (scale * (len(seen) + 1))))
    return seen[0] * min(max(factor, LEAST_FACTOR), MOST_FACTOR)
