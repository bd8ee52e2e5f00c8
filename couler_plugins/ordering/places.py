"""Which steps may touch what others write at places outside, by what is declared of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from couler_plugins.ordering.purity import Place

ANYWHERE = ""
"""Above all places: where a step is that only the run can tell."""


def touching(count: int, places: Mapping[int, Sequence[Place]]) -> list[int]:
    """Return the steps whose order with each counts, as bits: one of them writes where the other one may be.

    Two URLs are apart where neither is above the other. O(places · their depth).

    Args:
        count: how many steps there are.
        places: what each does at places; those that do nothing may be left out.
    """
    here: dict[tuple[str, bool], int] = defaultdict(int)  # by place and whether it is written: who is there
    below: dict[tuple[str, bool], int] = defaultdict(int)  # who is there, or below
    for step, some in places.items():
        for place in some:
            for path in _paths(place.url):
                below[path, place.writes] |= 1 << step
            here[_paths(place.url)[-1], place.writes] |= 1 << step
    bits = [0] * count
    for step, some in places.items():
        for place in some:
            for writes in (True, False) if place.writes else (True,):
                paths = _paths(place.url)
                bits[step] |= below[paths[-1], writes]
                for path in paths[:-1]:
                    bits[step] |= here[path, writes]
    return bits


def _paths(url: str | None) -> list[str]:
    """Return a place and all above it, from the top."""
    parts = [] if url is None else [part for part in url.split("/") if part]
    return [ANYWHERE, *("/".join(parts[: end + 1]) for end in range(len(parts)))]
