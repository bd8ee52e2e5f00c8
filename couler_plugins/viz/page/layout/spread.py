"""Where the nodes of narrow layers stand from left to right: each as near to the middle of its neighbours as it can."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from couler_plugins.viz.page.layout.layers import Neighbours

SPREADS = 6


def spread(layers: Sequence[Sequence[int]], neighbours: Neighbours, widths: Sequence[float], gap: float) -> list[float]:
    """The middle of each node, so that no two of a layer come nearer to each other than the gap."""
    middle = [0.0] * len(widths)
    for layer in layers:
        _settle(layer, middle, [0.0] * len(layer), widths, gap)
    both = [before + after for before, after in zip(neighbours.before, neighbours.after, strict=True)]
    for sweep in range(SPREADS):
        others = both if sweep == SPREADS - 1 else neighbours.after if sweep % 2 else neighbours.before
        for layer in reversed(layers) if sweep % 2 else layers:
            wanted = [_mean([middle[other] for other in others[node]], middle[node]) for node in layer]
            _settle(layer, middle, wanted, widths, gap)
    return middle


def _settle(
    layer: Sequence[int], middle: list[float], wanted: Sequence[float], widths: Sequence[float], gap: float
) -> None:
    """Puts the nodes where they want to be, and those that would overlap side by side around what they want on average.

    The least sum of squared distances, by pooling adjacent violators: linear.
    """
    offsets = [0.0]
    for left, right in pairwise(layer):
        offsets.append(offsets[-1] + (widths[left] + widths[right]) / 2 + gap)
    pools: list[tuple[float, int]] = []  # the average of what its nodes want (less their offsets), and their number
    for number in range(len(layer)):
        value, size = wanted[number] - offsets[number], 1
        while pools and pools[-1][0] >= value:
            other, count = pools.pop()
            value, size = (value * size + other * count) / (size + count), size + count
        pools.append((value, size))
    number = 0
    for value, size in pools:
        for _ in range(size):
            middle[layer[number]] = value + offsets[number]
            number += 1


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
