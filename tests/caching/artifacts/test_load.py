"""Eight processes at one cache, for thousands of operations each: no error, no lost result, no lost count."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from caching.artifacts.crowd import Crowd, Place, check, outputs_of
from couler_plugins.caching.artifacts import ArtifactCache, Existed, Meta, Stored
from servers.postgres import Postgres

PROCESSES = 8
OWN = 25
"""Keys that only one process writes and removes, so that it knows what must be there."""


class Operations:
    """What one process does. It fails where its own keys are not as it left them."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._mine: dict[str, int] = {}

    def __call__(self, cache: ArtifactCache, draw: random.Random) -> None:
        key = f"own-{self._number}-{draw.randrange(OWN)}"
        match draw.randrange(10):
            case 0 | 1:
                self._put(cache, key)
            case 2:
                assert cache.remove(key) == (key in self._mine), f"{key}: what was removed?"
                self._mine.pop(key, None)
            case 3 | 4 | 5:
                self._get(cache, key)
            case 6 | 7:
                assert (cache.lookup(key) is not None) == (key in self._mine), f"lookup of {key}"
            case 8:
                shared = f"shared-{draw.randrange(OWN)}"
                result = cache.put(shared, outputs_of(shared), Meta(family="crowd"))
                assert isinstance(result, Stored | Existed), f"{shared}: {result}"
            case _:
                assert cache.pin(key, 60) == (key in self._mine), f"pin of {key}"
                assert cache.unpin(key) == (key in self._mine), f"unpin of {key}"

    def _put(self, cache: ArtifactCache, key: str) -> None:
        result = cache.put(key, outputs_of(key), Meta(family="crowd", step=key, seconds=1.0))
        kind = Existed if key in self._mine else Stored
        assert isinstance(result, kind), f"{key}: {result}"
        self._mine.setdefault(key, 1)

    def _get(self, cache: ArtifactCache, key: str) -> None:
        hit = cache.get(key)
        assert (hit is not None) == (key in self._mine), f"get of {key}"
        if hit is not None:
            with hit:
                check(key, hit)


def _count(key: str, cache: ArtifactCache, _: random.Random) -> None:
    hit = cache.get(key)
    assert hit is not None
    hit.close()


def _load(place: Place, tmp_path: Path, times: int) -> None:
    place.open().close()
    crowd = Crowd(place, tmp_path)
    for number in range(PROCESSES):
        crowd.start(Operations(number), seed=number, times=times)
    codes = crowd.wait(900)
    assert crowd.complaints == []
    assert codes == [0] * PROCESSES
    with place.open() as cache:
        assert cache.verify().ok
        assert cache.stats().leases == 0
        for entry in cache.entries():
            with cache.get(entry.key) as hit:  # type: ignore[union-attr]  # an entry that is listed is a hit
                check(entry.key, hit)


def _counts(place: Place, tmp_path: Path, times: int) -> None:
    with place.open() as cache:
        assert isinstance(cache.put("hot", outputs_of("hot")), Stored)
        before = cache.stats().uses
    crowd = Crowd(place, tmp_path)
    for number in range(PROCESSES):
        crowd.start(partial(_count, "hot"), seed=number, times=times)
    assert crowd.wait(300) == [0] * PROCESSES
    assert crowd.complaints == []
    with place.open() as cache:
        assert cache.stats().uses == before + PROCESSES * times


def _open_at_once(place: Place, tmp_path: Path, times: int) -> None:
    """All processes make the same new cache."""
    crowd = Crowd(place, tmp_path)
    for seed in range(PROCESSES):
        crowd.start(Operations(seed), seed=seed, times=times)
    assert crowd.wait(60) == [0] * PROCESSES
    assert crowd.complaints == []


Try = Callable[[Place, Path, int], None]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "times"),
    [(_load, 200), (_counts, 50), (_open_at_once, 1)],
)
def test_eight_processes_on_sqlite(tmp_path: Path, work: Try, times: int) -> None:
    work(Place(str(tmp_path / "cache")), tmp_path, times)


@pytest.mark.slow
@pytest.mark.parametrize(("work", "times"), [(_load, 200), (_counts, 50), (_open_at_once, 1)])
def test_eight_processes_on_postgres(tmp_path: Path, postgres: Postgres, work: Try, times: int) -> None:
    work(Place(str(tmp_path / "cache"), index=postgres.database()), tmp_path, times)


@pytest.mark.long
def test_eight_times_two_thousand_on_sqlite(tmp_path: Path) -> None:
    _load(Place(str(tmp_path / "cache")), tmp_path, 2_000)


@pytest.mark.long
def test_eight_times_two_thousand_on_postgres(tmp_path: Path, postgres: Postgres) -> None:
    _load(Place(str(tmp_path / "cache"), index=postgres.database()), tmp_path, 2_000)
