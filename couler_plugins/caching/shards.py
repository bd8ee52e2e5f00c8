"""How full the fullest shard of a cache gets, where results spread over the shards by the hashes of their keys."""

from __future__ import annotations

import math
from functools import lru_cache

__all__ = ["RISK", "ShardFill"]

RISK = 1e-6
"""How likely one run may be to fill a shard beyond its room, were each of its results as large as it may be."""
TILTS = tuple(1.2**power for power in range(4, 36))
"""Where Chernoff's bound is taken, in multiples of 1/room."""


class ShardFill:
    """Admits results as long as every shard almost surely has room for those that fall to it.

    A hash gives each result to each shard with the same chance. By Chernoff's bound, for each `t > 0`, the chance that
    a shard gets more than `room` bytes is at most `exp(-t * room)` times the product, over all results, of
    `1 + (exp(t * bytes) - 1) / number`. The smallest over `TILTS`, for all shards together, is held below RISK.

    Args:
        number: of shards.
        room: bytes that one of them has for the results of one run.
    """

    def __init__(self, number: int, room: int) -> None:
        self._number, self._room = number, room
        self._bytes = 0
        self._exponents = [math.log(number) - tilt for tilt in TILTS]

    def admits(self, count: int, size: int) -> bool:
        """Whether so many results of at most this size fit as well; if they do, they count from now on."""
        if size > self._room:
            return False
        shares = _shares(size / self._room, self._number)
        total = self._bytes + count * size
        exponents = [old + count * share for old, share in zip(self._exponents, shares, strict=True)]
        if total > self._room and min(exponents) > math.log(RISK):
            return False
        self._bytes, self._exponents = total, exponents
        return True


@lru_cache(1024)
def _shares(size: float, number: int) -> list[float]:
    """What a result of this size, in parts of the room, adds to each exponent."""
    return [math.log1p(math.expm1(tilt * size) / number) for tilt in TILTS]
