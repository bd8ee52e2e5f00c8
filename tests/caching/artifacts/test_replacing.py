"""A result that takes another's place: at once or not at all, and never over the limit on the way."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from caching.artifacts.crowd import Crowd, Place, frozen, stored_bytes
from couler_plugins.caching.artifacts import ArtifactCache, Entry, Existed, Meta, Refused, Stored, open_cache
from couler_plugins.caching.artifacts.backend import Backend
from couler_plugins.caching.artifacts.sources import sources
from servers.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    url = str(tmp_path / "cache")
    if request.param == "sqlite":
        return {"url": url}
    return {"url": url, "index": request.getfixturevalue("postgres").database()}


def _put(cache: ArtifactCache, key: str, content: bytes, replacing: Entry | None) -> object:
    backend: Backend = cache._backend
    return backend.put(key, sources({"out": content}), Meta(seconds=1.0), replacing=replacing)


def _stored(cache: ArtifactCache, key: str, content: bytes) -> Entry:
    result = cache.put(key, {"out": content}, Meta(seconds=1.0))
    assert isinstance(result, Stored)
    return result.entry


def _read(cache: ArtifactCache, key: str) -> bytes | None:
    hit = cache.get(key)
    if hit is None:
        return None
    with hit:
        return hit.read("out")


def test_the_new_one_takes_the_place(place: dict[str, Any], tmp_path: Path) -> None:
    with open_cache(**place) as cache:
        old = _stored(cache, "key", b"old" * 100)
        assert isinstance(_put(cache, "key", b"new", old), Stored)
        assert _read(cache, "key") == b"new"
        assert stored_bytes(tmp_path / "cache") == cache.stats().bytes == 3
        assert len(cache.entries()) == 1
        assert cache.verify().ok
    with open_cache(**place) as cache:
        cache.rebuild()
        assert _read(cache, "key") == b"new"


def test_a_refusal_leaves_the_old_one(place: dict[str, Any], tmp_path: Path) -> None:
    """Both have to fit for the moment that both are there; others are not evicted in vain."""
    with open_cache(**place, capacity=1_000) as cache:
        old = _stored(cache, "key", b"o" * 500)
        _stored(cache, "other", b"x" * 300)
        assert isinstance(_put(cache, "key", b"n" * 600, old), Refused)
        assert _read(cache, "key") == b"o" * 500
        assert _read(cache, "other") == b"x" * 300
        assert isinstance(_put(cache, "key", b"n" * 200, old), Stored)
        assert _read(cache, "key") == b"n" * 200
        assert cache.verify().ok


def test_others_make_room_and_the_old_one_does_not(place: dict[str, Any]) -> None:
    with open_cache(**place, capacity=1_000) as cache:
        old = _stored(cache, "key", b"o" * 400)
        _stored(cache, "other", b"x" * 300)
        result = _put(cache, "key", b"n" * 600, old)
        if isinstance(result, Stored):
            assert [entry.key for entry in result.evicted] == ["other"]
            assert _read(cache, "key") == b"n" * 600
        else:
            assert _read(cache, "key") == b"o" * 400
        assert cache.stats().bytes <= 1_000


def test_only_what_was_meant_is_replaced(place: dict[str, Any]) -> None:
    with open_cache(**place) as cache:
        old = _stored(cache, "key", b"old")
        assert cache.remove("key")
        _stored(cache, "key", b"another's")
        assert isinstance(_put(cache, "key", b"new", old), Existed)
        assert _read(cache, "key") == b"another's"
        cache.remove("key")
        assert isinstance(_put(cache, "key", b"new", old), Stored), "what is gone is in nobody's way"
        assert _read(cache, "key") == b"new"


def test_who_reads_the_old_one_reads_on(place: dict[str, Any], tmp_path: Path) -> None:
    with open_cache(**place) as cache:
        old = _stored(cache, "key", b"old" * 100)
        hit = cache.get("key")
        assert hit is not None
        assert isinstance(_put(cache, "key", b"new", old), Stored)
        assert hit.read("out") == b"old" * 100
        hit.close()
        assert stored_bytes(tmp_path / "cache") == 3
        assert _read(cache, "key") == b"new"


@pytest.mark.parametrize("content", [b"old" * 100, b""])
def test_equal_and_empty_content(place: dict[str, Any], content: bytes) -> None:
    with open_cache(**place) as cache:
        old = _stored(cache, "key", b"old" * 100)
        assert isinstance(_put(cache, "key", content, old), Stored)
        assert _read(cache, "key") == content
        assert cache.stats().bytes == len(content)
        assert cache.verify().ok


def test_a_pin_is_the_keys(place: dict[str, Any]) -> None:
    with open_cache(**place) as cache:
        old = _stored(cache, "key", b"old")
        assert cache.pin("key", 60)
        assert isinstance(_put(cache, "key", b"new", old), Stored)
        assert cache.evict(0) == ()


def replaces(cache: ArtifactCache, draw: random.Random) -> None:
    """Two keys, 300 kB at most each, under 700 kB: both results of one and the other key's do not fit always."""
    key = draw.choice(["one", "two"])
    content = draw.randbytes(1) * draw.randrange(1, 300_000)
    _put(cache, key, content, cache.lookup(key))


@pytest.mark.parametrize("index", ["sqlite", "postgresql"])
def test_the_capacity_holds_while_many_replace(tmp_path: Path, request: pytest.FixtureRequest, index: str) -> None:
    database = None
    if index == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        database = server.database()
    place = Place(str(tmp_path / "cache"), index=database, capacity=700_000)
    place.open().close()
    crowd = Crowd(place, tmp_path)
    draw = random.Random(7)
    try:
        for seed in range(4):
            crowd.start(replaces, seed)
        for number in range(12):
            with frozen(crowd.living):
                assert stored_bytes(tmp_path / "cache") <= 700_000
            if number % 3 == 2:
                crowd.kill(crowd.living[draw.randrange(4)])
                crowd.start(replaces, 100 + number)
    finally:
        crowd.end()
    assert [line for line in crowd.complaints if "other writers" not in line] == []
    with place.open() as cache:
        for entry in cache.entries():
            hit = cache.get(entry.key)
            assert hit is not None
            with hit:
                assert len(set(hit.read("out"))) == 1
        assert cache.verify().missing == ()
