"""The cost model and the scores of the Couler paper (ICDE 2024, Eq. 1 to 6), in a reading that works and literally.

Read literally, the scores do not do what their text says: the size term of Eq. 6 grows with the size and vanishes in
bytes, Eq. 5 gives direct consumers no weight, and Eq. 3 leaves out the job that makes the artifact, and counts an
ancestor once for each path. The functions named `literal_…` keep that as a baseline; the others say what was meant.

Jobs are positions in a `JobGraph`; each makes one artifact, and `u` stands for both. α and β are the paper's weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

__all__ = [
    "JobGraph",
    "critical_path",
    "importance",
    "levels",
    "literal_importance",
    "literal_reconstruction_costs",
    "literal_reuse_value",
    "peak_memory",
    "reconstruction_cost",
    "reuse_value",
]


@dataclass(frozen=True)
class JobGraph:
    """Jobs by position, parents before children.

    Attributes:
        parents: for each job those that it reads from, all with smaller positions.
        seconds: what each takes.
    """

    parents: Sequence[Sequence[int]]
    seconds: Sequence[float]

    @cached_property
    def children(self) -> Sequence[Sequence[int]]:
        """For each job those that read from it."""
        children: list[list[int]] = [[] for _ in self.parents]
        for child, parents in enumerate(self.parents):
            for parent in parents:
                children[parent].append(child)
        return children

    @cached_property
    def degrees(self) -> Sequence[int]:
        """d: how many edges each job has, in and out together."""
        return [len(above) + len(below) for above, below in zip(self.parents, self.children, strict=True)]

    @cached_property
    def ends(self) -> Sequence[float]:
        """When each ends, in seconds, if all start as soon as possible."""
        ends: list[float] = []
        for above, seconds in zip(self.parents, self.seconds, strict=True):
            ends.append(max((ends[parent] for parent in above), default=0.0) + seconds)
        return ends


def critical_path(jobs: JobGraph) -> float:
    """T (Eq. 1): the seconds of the longest path."""
    return max(jobs.ends, default=0.0)


def peak_memory(jobs: JobGraph, memory: Sequence[float]) -> float:
    """S (Eq. 2): the peak of the summed memory of running jobs, if all start as soon as possible.

    Args:
        jobs: the graph.
        memory: what each takes while it runs, in any unit; the result is in the same.
    """
    starts = [(end - seconds, 1, used) for end, seconds, used in zip(jobs.ends, jobs.seconds, memory, strict=True)]
    stops = [(end, 0, -used) for end, used in zip(jobs.ends, memory, strict=True)]
    running = peak = 0.0
    for _, _, change in sorted(starts + stops):
        running += change
        peak = max(peak, running)
    return peak


def reconstruction_cost(jobs: JobGraph, u: int, cached: Set[int] = frozenset(), hops: int | None = None) -> float:
    """L (Eq. 3 and 4): w of the producer and of its ancestors, and d·d over the edges between them.

    Args:
        jobs: the graph; w is a job's seconds.
        u: the artifact.
        cached: artifacts that are there; their jobs, and what only they need, are left out.
        hops: how far ancestors count; None is without end.
    """
    members = {u}.union(*(level for _, level in levels(jobs.parents, u, cached, hops)))
    edges = sum(jobs.degrees[i] * jobs.degrees[j] for j in members for i in jobs.parents[j] if i in members)
    return math.fsum(jobs.seconds[i] for i in members) + edges


def reuse_value(
    jobs: JobGraph,
    u: int,
    pending: Set[int],
    cached: Set[int] = frozenset(),
    *,
    hops: int | None = None,
    rho: float = 0.0,
) -> float:
    """F (Eq. 5): Σ r/κ · (A + 1) over the descendants that may read u: 2 r for direct consumers, else r/κ.

    Args:
        jobs: the graph.
        u: the artifact.
        pending: the jobs that are still to come, for which r is 1.
        cached: artifacts that are there; nothing is looked for at or below their jobs.
        hops: how far descendants count; None is without end.
        rho: r for all other jobs, the chance that they run again.
    """
    value = 0.0
    for hop, level in levels(jobs.children, u, cached, hops):
        come = len(level & pending)
        value += (come + rho * (len(level) - come)) * (2 if hop == 1 else 1 / hop)
    return value


def importance(cost: float, reuse: float, size: float, capacity: float | None, alpha: float, beta: float) -> float:
    """I (Eq. 6): α·ln(1 + L) + β·F² − (1 − e^(−V/C)), V and C in the same unit; without a capacity room is free."""
    room = 0.0 if capacity is None or not size else 1 - math.exp(-size / capacity) if capacity else 1.0
    return alpha * math.log1p(cost) + beta * reuse**2 - room


def literal_reconstruction_costs(jobs: JobGraph) -> list[float]:
    """L of all artifacts as Eq. 3 and 4 are written: Σ over parents p of w + d·d + L(p); infinite if out of range."""
    costs: list[float] = []
    for u, above in enumerate(jobs.parents):
        costs.append(sum(jobs.seconds[p] + jobs.degrees[p] * jobs.degrees[u] + costs[p] for p in above))
    return costs


def literal_reuse_value(jobs: JobGraph, u: int, pending: Set[int]) -> float:
    """F as Eq. 5 is written: Σ r/κ · (1 − A) over descendants, which is nothing for direct consumers."""
    return sum(len(level & pending) / hop for hop, level in levels(jobs.children, u) if hop > 1)


def literal_importance(cost: float, reuse: float, size: float, alpha: float, beta: float) -> float:
    """I as Eq. 6 is written: α·ln(1 + L) + β·F² − e^(−V), V in a unit that the paper does not name."""
    return alpha * math.log1p(cost) + beta * reuse**2 - math.exp(-size)


def levels(
    links: Sequence[Sequence[int]], start: int, cut: Set[int] = frozenset(), hops: int | None = None
) -> Iterator[tuple[int, set[int]]]:
    """The jobs that links lead to from the start, by κ, the fewest links; jobs in `cut` are not entered."""
    seen, level, hop = {start}, {start}, 0
    while hop != hops:
        level = set[int]().union(*(links[at] for at in level)) - seen - cut
        if not level:
            return
        hop += 1
        seen |= level
        yield hop, level
