"""SIGKILL at random moments of writers, readers and evictors: nothing wrong is served, and nothing is lost for long."""

from __future__ import annotations

import hashlib
import random
import time
from pathlib import Path

import pytest

from caching.artifacts.crowd import (
    KEYS,
    Crowd,
    Place,
    evicts,
    frozen,
    key_of,
    outputs_of,
    reads,
    replaces,
    stored_bytes,
    writes,
)
from couler_plugins.caching.artifacts import ArtifactCache, Claim, Stored
from servers.postgres import Postgres

CAPACITY = 700_000
"""Room for about a third of the keys."""

ROLES = (writes, writes, reads, reads, replaces, evicts)
LATER = 24 * 3600
"""Seconds after which every lease has expired."""


def _kill(place: Place, tmp_path: Path, kills: int, seed: int) -> None:
    folder = Path(place.url)
    draw = random.Random(seed)
    crowd = Crowd(place, tmp_path)
    try:
        for number, role in enumerate(ROLES):
            crowd.start(role, seed * 100_000 + number)
        for number in range(kills):
            time.sleep(draw.uniform(0, 0.15))
            if number % 4 == 0:
                with frozen(crowd.living):
                    assert stored_bytes(folder) <= CAPACITY
            at = draw.randrange(len(crowd.living))
            role = ROLES[draw.randrange(len(ROLES))]
            crowd.kill(crowd.living[at])
            crowd.start(role, seed * 100_000 + 1_000 + number)
    finally:
        crowd.end()
    assert crowd.complaints == []
    assert stored_bytes(folder) <= CAPACITY


def _whole(cache: ArtifactCache, folder: Path) -> None:
    """No entry without its blobs, whole and of its own content: looked up in the file system, not asked of us."""
    for entry in cache.entries():
        expected = outputs_of(entry.key)
        assert {output.name for output in entry.outputs} == set(expected)
        for output in entry.outputs:
            content = (folder / "v1" / "crowd" / output.blob).read_bytes()
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (output.sha256, output.bytes)


def _clean(place: Place, clock: Path) -> None:
    """Once leases have expired nothing is held, and what the dead left behind is gone."""
    folder = Path(place.url)
    with place.open() as cache:
        _whole(cache, folder)
        report = cache.verify()
        assert (report.missing, report.corrupt, report.unknown, report.over) == ((), (), (), 0)
    clock.write_text(str(LATER))
    with place.open() as cache:
        cache.verify(repair=True)
        report = cache.verify()
        assert report.ok, report
        stats = cache.stats()
        assert (stats.leases, stats.pins) == (0, 0)
        _whole(cache, folder)
        assert stats.bytes == stored_bytes(folder)
        assert list(folder.glob("v1/*/tmp/*")) == []
        _nothing_is_locked(cache)


def _nothing_is_locked(cache: ArtifactCache) -> None:
    for number in range(KEYS):
        key = key_of(number)
        cache.remove(key)
        with cache.claim(key, wait=0) as claim:
            assert isinstance(claim, Claim)
            assert claim.leader
    assert cache.entries() == []
    assert isinstance(cache.put("key-0", outputs_of("key-0")), Stored)


def _place(tmp_path: Path, index: str | None) -> tuple[Place, Path]:
    clock = tmp_path / "clock"
    clock.write_text("0")
    place = Place(str(tmp_path / "cache"), index=index, capacity=CAPACITY, clock=clock)
    place.open().close()
    return place, clock


def _run(tmp_path: Path, index: str | None, kills: int, seed: int) -> None:
    place, clock = _place(tmp_path, index)
    _kill(place, tmp_path, kills, seed)
    _clean(place, clock)


@pytest.mark.slow
def test_kills_on_sqlite(tmp_path: Path) -> None:
    _run(tmp_path, None, 20, seed=1)


@pytest.mark.slow
def test_kills_on_postgres(tmp_path: Path, postgres: Postgres) -> None:
    _run(tmp_path, postgres.database(), 20, seed=2)


@pytest.mark.long
def test_many_kills_on_sqlite(tmp_path: Path) -> None:
    _run(tmp_path, None, 200, seed=3)


@pytest.mark.long
def test_many_kills_on_postgres(tmp_path: Path, postgres: Postgres) -> None:
    _run(tmp_path, postgres.database(), 200, seed=4)
