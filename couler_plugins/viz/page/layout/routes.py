"""The curves of edges: from box to box between two rows, and along a channel where rows lie in between."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import heappop, heappush

__all__ = ["Point", "curve", "lanes", "trunks"]

Point = tuple[float, float]


def curve(points: Sequence[Point]) -> str:
    """A path through points: straight down where the column stays, else a curve that leaves and arrives vertically."""
    x, y = map(round, points[0])
    parts = [f"M{x} {y}"]
    for next_x, next_y in ((round(x), round(y)) for x, y in points[1:]):
        middle = (y + next_y) // 2
        parts.append(f"V{next_y}" if next_x == x else f"C{x} {middle} {next_x} {middle} {next_x} {next_y}")
        x, y = next_x, next_y
    return "".join(parts)


def trunks(edges: Sequence[tuple[int, int]]) -> list[int]:
    """For each edge the node that it shares a channel for: its start or its end, whichever has more of these edges."""
    starts, ends = Counter(start for start, _ in edges), Counter(end for _, end in edges)
    return [end if ends[end] > starts[start] else start for start, end in edges]


def lanes(spans: Sequence[tuple[int, int]], owners: Sequence[int]) -> list[int]:
    """The lane beside the picture of each edge: those of one owner share one, others only where they do not meet.

    Args:
        spans: the first and the last row that each edge passes.
        owners: the node that each edge shares a channel for.
    """
    extents: dict[int, tuple[int, int]] = {}
    for (first, last), owner in zip(spans, owners, strict=True):
        low, high = extents.get(owner, (first, last))
        extents[owner] = min(low, first), max(high, last)
    lane_of: dict[int, int] = {}
    free: list[int] = []
    busy: list[tuple[int, int]] = []
    for owner, (first, last) in sorted(extents.items(), key=lambda item: (item[1], item[0])):
        while busy and busy[0][0] < first:
            heappush(free, heappop(busy)[1])
        lane_of[owner] = heappop(free) if free else len(busy)
        heappush(busy, (last, lane_of[owner]))
    return [lane_of[owner] for owner in owners]
