"""List scheduling of a graph on workers: when each task starts and ends, and the makespan."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from typing import NamedTuple

from couler_plugins.runs.order import children_of


class Schedule(NamedTuple):
    """When tasks start and end, in seconds from the start of the run.

    Attributes:
        starts: when each is launched.
        ends: when each has ended.
        makespan: the last end; 0 where there are no tasks.
    """

    starts: list[float]
    ends: list[float]
    makespan: float


def schedule(
    seconds: Sequence[float],
    parents: Sequence[Sequence[int]],
    *,
    launch: float | Sequence[float] = 0.0,
    workers: int | None = None,
    idle: Collection[int] = (),
    ranks: Sequence[int] = (),
) -> Schedule:
    """Runs every task as soon as all its parents have ended and a worker is free.

    Of those that could start, the one of the smallest rank does; of equals, the first to become ready; of these, the
    smaller number. O((V + E) log V), and O(V + E) with as many workers as there are tasks.

    Args:
        seconds: what each task takes.
        parents: the tasks that each waits for, all with smaller numbers than its own.
        launch: seconds between a task's start and its work (a pod, a part of a split workflow), during which it holds
            its worker: one figure for all, or one for each.
        workers: how many tasks run at once; None for no limit, which makes the makespan T of Couler's Eq. 1.
        idle: tasks that hold no worker: barriers, and what only waits.
        ranks: of each task; without them, all are equal.

    Raises:
        ValueError: there is no worker.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"{workers} workers cannot run anything")
    launches = [launch] * len(seconds) if isinstance(launch, int | float) else launch
    lengths = [first + rest for first, rest in zip(launches, seconds, strict=True)]
    if workers is None:
        starts = _unbounded(lengths, parents)
    else:
        starts = _bounded(lengths, parents, workers, frozenset(idle), ranks or [0] * len(lengths))
    ends = [start + length for start, length in zip(starts, lengths, strict=True)]
    return Schedule(starts, ends, max(ends, default=0.0))


def _unbounded(lengths: Sequence[float], parents: Sequence[Sequence[int]]) -> list[float]:
    starts: list[float] = []
    ends: list[float] = []
    for length, above in zip(lengths, parents, strict=True):
        starts.append(max((ends[parent] for parent in above), default=0.0))
        ends.append(starts[-1] + length)
    return starts


def _bounded(
    lengths: Sequence[float],
    parents: Sequence[Sequence[int]],
    workers: int,
    idle: frozenset[int],
    ranks: Sequence[int],
) -> list[float]:
    children = children_of(parents)
    waits = [len(above) for above in parents]
    starts = [0.0] * len(lengths)
    arrived = [task for task, wait in enumerate(waits) if wait == 0]
    ready: list[tuple[int, float, int]] = []
    running: list[tuple[float, int]] = []
    now, free = 0.0, workers
    while True:
        for task in arrived:
            if task in idle:
                starts[task] = now
                heapq.heappush(running, (now + lengths[task], task))
            else:
                heapq.heappush(ready, (ranks[task], now, task))
        while ready and free:
            *_, task = heapq.heappop(ready)
            starts[task] = now
            free -= 1
            heapq.heappush(running, (now + lengths[task], task))
        if not running:
            return starts
        now, arrived = running[0][0], []
        while running and running[0][0] == now:
            _, ended = heapq.heappop(running)
            free += ended not in idle
            for child in children[ended]:
                waits[child] -= 1
                if waits[child] == 0:
                    arrived.append(child)
