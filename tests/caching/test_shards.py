"""How many results find room in a cache that spreads them over shards by their hashes."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from couler_plugins.caching.key_models.written import ShardFill

ROOM = 512 * 1024


def admitted(size: int, number: int = 256) -> int:
    """How many results of one size find room."""
    fill = ShardFill(number, ROOM)
    return next(count for count in range(10**9) if not fill.admits(1, size))


@pytest.mark.parametrize("size", [3_744, 25_760, 99_744, 200_000])
def test_no_shard_overflows(size: int) -> None:
    """As many as find room, given to shards by chance, a thousand times: of a million, one may be too much."""
    random, count = Random(size), admitted(size)
    for _ in range(1_000 if count < 1_000 else 10):
        assert max(Counter(random.choices(range(256), k=count)).values()) * size <= ROOM


@pytest.mark.parametrize(("size", "least"), [(3_744, 20_000), (25_760, 850), (99_744, 15), (262_144, 2)])
def test_shards_are_used(size: int, least: int) -> None:
    assert least <= admitted(size) <= 256 * ROOM / size


def test_what_a_single_shard_holds_is_exact() -> None:
    assert admitted(ROOM) == 1
    assert admitted(ROOM // 5, number=1) == 5
    assert admitted(ROOM + 1) == 0


def test_a_loop_counts_as_its_results_do() -> None:
    together, one_by_one = ShardFill(256, ROOM), ShardFill(256, ROOM)
    assert together.admits(800, 25_760)
    assert all(one_by_one.admits(1, 25_760) for _ in range(800))
    rest = [[fill.admits(1, 25_760) for _ in range(200)] for fill in (together, one_by_one)]
    assert rest[0] == rest[1]
    assert {True, False} == set(rest[0])


def test_what_finds_no_room_takes_none() -> None:
    fill = ShardFill(256, ROOM)
    assert fill.admits(10, 99_744)
    assert not fill.admits(10, 99_744)
    assert fill.admits(5, 99_744)


def test_small_results_find_room_beside_large_ones() -> None:
    fill = ShardFill(256, ROOM)
    assert fill.admits(15, 99_744)
    assert not fill.admits(1, 99_744)
    assert not fill.admits(10_000, 3_744)
    small = ShardFill(256, ROOM)
    assert small.admits(10_000, 3_744)
    assert small.admits(1, 99_744)
