"""The request for a step from the peaks of its past attempts."""

from __future__ import annotations

from collections.abc import Sequence


def estimate_request(peaks: Sequence[float]) -> float:
    """Return what a step is to ask for, in the unit of its peaks (bytes or cores).

    Args:
        peaks: what past attempts used at their peaks, at least one.
    """
    return max(peaks) * 1.1
