"""How the use of a step follows the bytes that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from couler_plugins.runs import Attempt

FEWEST = 5
"""Attempts that a line is drawn through: fewer fit any line."""


class Growth(NamedTuple):
    """A straight line through the peaks of attempts, over their input bytes.

    Attributes:
        slope: bytes of memory per byte of input.
        r_squared: the share of the peaks' variance that the line explains, 0 to 1.
        attempts: how many there are.
    """

    slope: float
    r_squared: float
    attempts: int


def fit_growth(inputs: Sequence[float], peaks: Sequence[float]) -> Growth | None:
    """Return how peaks follow inputs, by least squares; None where there are too few, or all inputs are the same.

    Args:
        inputs: the input bytes of each attempt.
        peaks: the bytes of memory of each attempt, in the same order.
    """
    count = len(inputs)
    if count < FEWEST:
        return None
    mean_input, mean_peak = sum(inputs) / count, sum(peaks) / count
    spread = sum((one - mean_input) ** 2 for one in inputs)
    variance = sum((peak - mean_peak) ** 2 for peak in peaks)
    if spread <= (1e-9 * mean_input) ** 2 * count or variance <= (1e-9 * mean_peak) ** 2 * count:
        return None
    together = sum((one - mean_input) * (peak - mean_peak) for one, peak in zip(inputs, peaks, strict=True))
    return Growth(together / spread, min(1.0, together**2 / (spread * variance)), count)


def growth_of(attempts: Sequence[Attempt], container: str) -> Growth | None:
    """Return how the memory of a container follows the input of its attempts; None where that is not known."""
    pairs = [
        (float(one.input_bytes), float(use.memory))
        for one in attempts
        for use in one.containers
        if use.container == container and one.input_bytes is not None and use.memory
    ]
    return fit_growth([pair[0] for pair in pairs], [pair[1] for pair in pairs])
