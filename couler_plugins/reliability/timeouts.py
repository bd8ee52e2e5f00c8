"""How long an attempt of a step may take, by how long past attempts took, and how many of them fit into a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from couler_plugins.runs import Attempt, median

SHARE = 0.99
"""The share of attempts that took no longer than what a timeout follows from."""
GROWTH = 1.5
"""How many times as long the newest attempts take as the oldest where a timeout would be too short before long."""
SPARE = 1.25
"""How many times as long as the longest attempt of the past a timeout is at least: that one was good work."""
MINUTE = 60


class Durations(NamedTuple):
    """How long past attempts took.

    Attributes:
        samples: how many that did all their work succeeded.
        longest: the seconds that 99 % of them took at most; of a loop, that all of them took at most.
        grows: whether the newest of them take longer than the oldest.
        most: the seconds that the longest of them took.
    """

    samples: int = 0
    longest: float | None = None
    grows: bool = False
    most: float = 0.0


def durations_of(attempts: Sequence[Attempt], *, loops: bool) -> Durations:
    """Return how long attempts took that succeeded.

    Args:
        attempts: the attempts, oldest first.
        loops: whether they are those of different items, of which few may be large.
    """
    done = [one.seconds for one in attempts if one.succeeded and not one.partial and one.seconds is not None]
    if not done:
        return Durations()
    third = max(1, len(done) // 3)
    last = len(done) if loops else math.ceil(SHARE * len(done))
    grows = len(done) >= 2 and median(done[-third:]) > GROWTH * median(done[:third]) + MINUTE
    return Durations(len(done), sorted(done)[last - 1], grows, max(done))


def timeout_after(durations: Durations, factor: float, least: int, samples: int) -> tuple[int | None, str]:
    """Return a timeout in seconds, whole minutes; or None, and why there is none.

    Args:
        durations: how long past attempts took.
        factor: how many times as long an attempt may take.
        least: the shortest timeout.
        samples: how many attempts have to be known.
    """
    if durations.longest is None or durations.samples < samples:
        return None, f"it gets no timeout: fewer than {samples} attempts that succeeded are known"
    if durations.grows:
        return None, "it gets no timeout: its newest attempts take longer than the oldest, and would outgrow one"
    return MINUTE * math.ceil(max(least, factor * durations.longest, SPARE * durations.most) / MINUTE), ""


def retries_within(seconds: float, attempt: float, delays: Sequence[float]) -> int:
    """Return how many repetitions fit into a time, with the delay before each; -1 where not even one attempt does."""
    for number in range(len(delays), -1, -1):
        if (number + 1) * attempt + sum(delays[:number]) <= seconds:
            return number
    return -1
