"""Pods that share nothing but a store: processes without an index that write, read, evict and die at random moments."""

from __future__ import annotations

import random
import time
from functools import partial
from pathlib import Path

import pytest

from caching.artifacts.crowd import KEYS, Crowd, Place, check, evicts, key_of, outputs_of, reads, replaces, writes
from couler_plugins.caching.artifacts import ArtifactCache, Existed, Meta, Stored
from servers.s3 import s3_files, s3_server, s3_url


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    clock = tmp_path / "clock"
    clock.write_text("0")
    url = s3_url(request.getfixturevalue("s3")) if request.param == "s3" else str(tmp_path / "cache")
    return Place(url, index="none", clock=clock)


def _once(key: str, cache: ArtifactCache, draw: random.Random) -> None:
    """Everybody stores the same key with different times; all of them must see one result."""
    result = cache.put(key, outputs_of(key), Meta(family="crowd", seconds=draw.random()))
    assert isinstance(result, Stored | Existed), result
    hit = cache.get(key)
    assert hit is not None
    with hit:
        check(key, hit)


def test_one_result_for_a_key_that_all_pods_store(place: Place, tmp_path: Path) -> None:
    crowd = Crowd(place, tmp_path)
    for seed in range(6):
        crowd.start(partial(_once, "key"), seed=seed, times=3)
    assert crowd.wait(90) == [0] * 6
    assert crowd.complaints == []
    with place.open() as cache:
        assert [entry.key for entry in cache.entries()] == ["key"]
        assert cache.verify().ok


def _die(place: Place, tmp_path: Path, kills: int, seed: int) -> None:
    draw = random.Random(seed)
    crowd = Crowd(place, tmp_path)
    roles = (writes, writes, reads, replaces, evicts)
    try:
        for number, role in enumerate(roles):
            crowd.start(role, seed * 100_000 + number)
        for number in range(kills):
            time.sleep(draw.uniform(0, 0.3))
            crowd.kill(crowd.living[draw.randrange(len(crowd.living))])
            crowd.start(roles[draw.randrange(len(roles))], seed * 100_000 + 1_000 + number)
    finally:
        crowd.end()
    assert crowd.complaints == []
    assert place.clock is not None
    place.clock.write_text(str(7 * 24 * 3600))
    with place.open() as cache:
        report = cache.verify()
        assert (report.missing, report.corrupt) == ((), ())
        cache.verify(repair=True)
        place.clock.write_text(str(14 * 24 * 3600))
        cache.verify(repair=True)
        assert cache.verify().ok, cache.verify()
        for number in range(KEYS):
            key = key_of(number)
            hit = cache.get(key)
            if hit is not None:
                with hit:
                    check(key, hit)
            cache.remove(key)
            with cache.claim(key, wait=0) as claim:
                assert getattr(claim, "leader", False)
        assert cache.entries() == []


@pytest.mark.slow
def test_pods_that_die(place: Place, tmp_path: Path) -> None:
    _die(place, tmp_path, 20, seed=5)


@pytest.mark.long
def test_many_pods_that_die(place: Place, tmp_path: Path) -> None:
    _die(place, tmp_path, 200, seed=6)


def test_the_evictor_keeps_the_soft_capacity(place: Place) -> None:
    with place.open() as writer, place.open() as evictor:
        for number in range(12):
            assert isinstance(writer.put(f"key-{number}", {"out": bytes([number]) * 1_000}, Meta(seconds=1.0)), Stored)
        evictor.evict(5_000)
        assert sum(entry.bytes for entry in writer.entries()) <= 5_000
        assert writer.verify().missing == ()


@pytest.mark.slow
def test_nothing_is_left_in_the_store_after_all_is_removed(tmp_path: Path) -> None:
    with s3_server() as endpoint:
        url = s3_url(endpoint)
        place = Place(url, index="none", clock=tmp_path / "clock")
        assert place.clock is not None
        place.clock.write_text("0")
        with place.open() as cache:
            for number in range(3):
                cache.put(key_of(number), outputs_of(key_of(number)))
                cache.remove(key_of(number))
            place.clock.write_text(str(7 * 24 * 3600))
            cache.verify(repair=True)
        left = s3_files(endpoint).find(url.split("@")[1].split("?")[0])
        assert [path for path in left if "/blobs/" in path or "/entries/" in path or "/tmp/" in path] == []
