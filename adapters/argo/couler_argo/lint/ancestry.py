"""The order that the dependencies of tasks make: cycles, and which tasks have ended when another begins.

Only the pairs that are asked for are looked at: all of them would be a hundred million for ten thousand tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter

__all__ = ["cycle_of", "not_before", "order_of"]

CHUNK = 4096
"""How many tasks are followed at a time, one bit of a number for each."""


def order_of(waits: Sequence[Sequence[int]]) -> list[int]:
    """The tasks in an order in which they can run; those of cycles, and behind them, are missing."""
    sorter: TopologicalSorter[int] = TopologicalSorter(dict.fromkeys(range(len(waits)), ()))
    for number, before in enumerate(waits):
        sorter.add(number, *before)
    with suppress(CycleError):  # it goes on to what waits for a cycle
        sorter.prepare()
    order: list[int] = []
    while ready := sorter.get_ready():
        order += ready
        sorter.done(*ready)
    return order


def cycle_of(waits: Sequence[Sequence[int]], order: Sequence[int]) -> list[int]:
    """Tasks that wait for each other in a ring; none if the order holds all tasks."""
    remaining = set(range(len(waits))).difference(order)
    if not remaining:
        return []
    path: dict[int, None] = {}
    current = min(remaining)
    while current not in path:  # each of those left waits for one of those left
        path[current] = None
        current = next(other for other in waits[current] if other in remaining)
    ring = list(path)
    return ring[ring.index(current) :]


def not_before(
    questions: Iterable[tuple[int, int]], waits: Sequence[Sequence[int]], order: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """Of pairs (task, other), those whose other task need not have ended when the task begins."""
    open_ = [(task, other) for task, other in questions if other not in waits[task]]
    others = list(dict.fromkeys(other for _, other in open_))
    for start in range(0, len(others), CHUNK):
        bits = {other: 1 << number for number, other in enumerate(others[start : start + CHUNK])}
        before = [0] * len(waits)
        for task in order:
            bits_before = 0
            for other in waits[task]:
                bits_before |= before[other] | bits.get(other, 0)
            before[task] = bits_before
        yield from ((task, other) for task, other in open_ if other in bits and not before[task] & bits[other])
