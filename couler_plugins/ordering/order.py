"""The order of a graph's steps as bits: bit n of a number stands for the n-th of them in an order that may run."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from couler_plugins.ir import GraphView
from couler_plugins.simulation.schedule import schedule

ROOM = 20
"""How many more needs than it had a step may have in the mean."""


class Order(NamedTuple):
    """The order of a graph's steps; its finalizers are left out.

    Attributes:
        names: the steps, each behind all that it waits for.
        parents: the numbers of the steps that each names in its needs, or reads.
        stages: the numbers of the steps of each stage; None where there are no stages.
        reads: the steps that each reads, as bits.
        waited: the steps that each waits for by needs and stages, directly or through others, as bits.
        before: the same by needs, stages and data.
    """

    names: list[str]
    parents: list[list[int]]
    stages: list[list[int]] | None
    reads: list[int]
    waited: list[int]
    before: list[int]


class Timing(NamedTuple):
    """How an order runs in simulation.

    Attributes:
        makespan: the last end, in seconds, or in steps where all count the same.
        width: how many steps run at a time at most.
    """

    makespan: float
    width: int


def bits_of(numbers: Iterable[int]) -> int:
    """Return the bits of some numbers."""
    bits = 0
    for number in numbers:
        bits |= 1 << number
    return bits


def order_of(view: GraphView) -> Order:
    """Return the order of a graph's steps. O((V + E) · V / 64).

    Raises:
        ValueError: they wait for each other in a circle.
    """
    graph = view.graph
    names = [name for name in view.order() if name not in graph.finalizers]
    number = {name: at for at, name in enumerate(names)}
    waits = dict(zip((step.name for step in graph.steps), view.waits, strict=True))
    stages, barrier, passed = None, dict[str, int](), 0
    if graph.stages is not None:
        stages = [[number[name] for name in stage] for stage in graph.stages]
        for names_of_stage, stage in zip(graph.stages, stages, strict=True):
            barrier |= dict.fromkeys(names_of_stage, passed)
            passed |= bits_of(stage)
    order = Order(names, [], stages, [], [], [])
    for name in names:
        needs = [number[other] for other in waits[name] if other in number]
        reads = [number[other] for other in view.reads[name] if other in number]
        order.parents.append(sorted({*needs, *reads}))
        order.reads.append(bits_of(reads))
        for column, direct in ((order.waited, needs), (order.before, order.parents[-1])):
            bits = barrier.get(name, 0)
            for parent in direct:
                bits |= column[parent] | 1 << parent
            column.append(bits)
    return order


def reduce_order(before: Sequence[int], most: int) -> tuple[list[list[int]], list[int]] | None:
    """Return the fewest parents of each step that put it behind the same steps, and all these as bits.

    It returns None where the parents are too many.

    Args:
        before: the steps that each is behind, as bits, with smaller numbers than its own; what these are behind may be
            left out.
        most: how many parents all steps may have together.
    """
    above: list[int] = []
    parents: list[list[int]] = []
    for rest in before:
        covered, own = 0, []
        while rest:
            nearest = rest.bit_length() - 1
            own.append(nearest)
            covered |= above[nearest] | 1 << nearest
            rest &= ~covered  # noqa: PLW2901  # what is left of it
        above.append(covered)
        parents.append(own[::-1])
        most -= len(own)
        if most < 0:
            return None
    return parents, above


def relax_order(order: Order, free: int, neighbours: Sequence[int], apart: Sequence[int]) -> list[int]:
    """Return the steps that each stays behind, as bits.

    Two steps that are both free are in no order, unless one reads the other.

    Args:
        order: the order as it is.
        free: the steps that change nothing outside of their outputs, as bits.
        neighbours: the steps whose order with each may change at all, as bits.
        apart: the steps that may touch what each touches, as bits.
    """
    return [
        before & (~(free & beside) | reads | touching) if free >> step & 1 else before
        for step, (before, reads, beside, touching) in enumerate(
            zip(order.before, order.reads, neighbours, apart, strict=True)
        )
    ]


def time_order(
    parents: Sequence[Collection[int]],
    stages: Sequence[Sequence[int]] | None,
    seconds: Sequence[float],
    workers: int | None,
) -> Timing:
    """Return how long steps take in an order, and how many of them run at a time.

    Args:
        parents: the steps that each waits for.
        stages: the steps of each stage; None where only parents count.
        seconds: what each takes.
        workers: how many may run at a time; None for any number.
    """
    if stages is None:
        times, above, idle = list(seconds), [sorted(some) for some in parents], set[int]()
    else:
        times, above, idle, barrier = [], [], set(), list[int]()
        for stage in stages:
            above += [*[barrier for _ in stage], [*barrier, *range(len(times), len(times) + len(stage))]]
            times += [*(seconds[step] for step in stage), 0.0]
            barrier = [len(times) - 1]
            idle.update(barrier)
    result = schedule(times, above, workers=workers, idle=idle)
    ends: list[float] = []
    width = 0
    spans = [span for at, span in enumerate(zip(result.starts, result.ends, strict=True)) if at not in idle]
    for start, end in sorted(spans):
        while ends and ends[0] <= start:
            heapq.heappop(ends)
        heapq.heappush(ends, end)
        width = max(width, len(ends))
    return Timing(result.makespan, width)
