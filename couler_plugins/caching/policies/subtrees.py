"""What it takes to make each of many artifacts again, for all of them at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_BLOCK = 4096
"""Ancestors looked at together: 512 bytes for each step."""

_BYTES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float64)
"""The bits of each byte, the highest first."""


def recompute_seconds(
    parents: Sequence[Sequence[int]], seconds: Sequence[float], loads: Sequence[float | None]
) -> list[float]:
    """Seconds for making each again: itself and its ancestors, each once, up to those that can be loaded.

    Ancestors are sets of bits, so that shared ones count once: n²/8 bytes are read for n steps in each of its edges'
    unions and once for the sums, which is about a second for 10,000 steps.

    Args:
        parents: for each position the positions that it is made from, all smaller.
        seconds: what computing each takes by itself.
        loads: what loading each takes; None where it would have to be computed.
    """
    total = np.array(seconds, dtype=np.float64)
    weights = [own if load is None else load for own, load in zip(seconds, loads, strict=True)]
    weights += [0.0] * (-len(weights) % 8)
    for start in range(0, len(parents), _BLOCK):
        stop = min(start + _BLOCK, len(parents))
        above = _ancestors(parents, loads, start, stop)
        of_bytes = np.array(weights[start : start + 8 * above.shape[1]]).reshape(-1, 8) @ _BYTES.T
        for column, sums in enumerate(of_bytes):
            total[start:] += sums[above[start:, column]]
    result: list[float] = total.tolist()
    return result


def _ancestors(
    parents: Sequence[Sequence[int]], loads: Sequence[float | None], start: int, stop: int
) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """For each position, which of those from `start` to `stop` are needed to make it, as bits."""
    above = np.zeros((len(parents), (stop - start + 7) // 8), dtype=np.uint8)
    for at in range(start, len(parents)):
        row = above[at]
        for parent in parents[at]:
            if loads[parent] is None and parent >= start:
                row |= above[parent]
            if start <= parent < stop:
                row[(parent - start) // 8] |= 128 >> (parent - start) % 8
    return above
