"""Sizes of memory requests as papers choose them, and as rules of thumb do.

Each takes the past tasks of a process and the ones to come, and gives a request for each of those. Only `line` looks at
what is to come, at its input size; the others give one request for all. What happens to a task that gets too little is
the benchmark's affair, and the same for all.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

from benchmarks.rightsize_traces import Rule, Task

__all__ = ["gap", "largest", "line", "percentile", "static", "waste"]


def static(size: Callable[[Sequence[Task]], float]) -> Rule:
    """A rule that gives all tasks to come one request."""
    return lambda past, future: [size(past)] * len(future)


def largest(factor: float) -> Rule:
    """The largest peak, times a factor."""
    return static(lambda past: factor * max(task.peak for task in past))


def _gap(past: Sequence[Task]) -> float:
    first, *others = sorted((task.peak for task in past), reverse=True)
    return first + 2 * (first - others[0]) if others else 1.1 * first


gap = static(_gap)
"""The largest peak and twice its distance from the second."""


def _percentile(past: Sequence[Task]) -> float:
    peaks = sorted(task.peak for task in past)
    place = 0.95 * (len(peaks) - 1)
    low = math.floor(place)
    return peaks[low] + (place - low) * (peaks[min(low + 1, len(peaks) - 1)] - peaks[low])


percentile = static(_percentile)
"""The 95th percentile of the peaks: Witt, van Santen, Leser, "Learning low-wastage memory allocations for scientific
workflows at IceCube" (HPCS 2019) and "Feedback-based resource allocation for batch scheduling of scientific workflows"
(HPCS 2019), as Bader et al. compare with it ("Sizey", IEEE CLUSTER 2024)."""


def line(past: Sequence[Task], future: Sequence[Task]) -> list[float]:
    """A least-squares line of peaks over input sizes, raised by the deviation of what it misses (Witt et al.)."""
    reads, peaks = [task.read for task in past], [task.peak for task in past]
    if len(set(reads)) < 2:
        return [max(peaks)] * len(future)
    slope, start = statistics.linear_regression(reads, peaks)
    offset = statistics.pstdev(peak - start - slope * read for read, peak in zip(reads, peaks, strict=True))
    return [max(start + slope * task.read + offset, min(peaks)) for task in future]


def _waste(past: Sequence[Task]) -> float:
    tasks = sorted(past, key=lambda task: -task.peak)
    most, everything = tasks[0].peak, sum(task.time for task in tasks)
    best, least, above = most, most * everything, 0.0
    for position, task in enumerate(tasks):
        if position and task.peak < tasks[position - 1].peak:
            cost = task.peak * everything + most * above
            best, least = (task.peak, cost) if cost < least else (best, least)
        above += task.time
    return best


waste = static(_waste)
"""The first allocation of least expected waste, if what it is too small for runs again with the largest peak: the peak
a with the least a * E[time] + a_max * E[time of those above a]. Tovar et al., "A job sizing strategy for
high-throughput scientific workflows" (IEEE TPDS 29(2), 2018), equation 1."""
