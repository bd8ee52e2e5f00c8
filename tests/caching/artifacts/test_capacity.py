"""What is kept in how many bytes: eviction, admission, quotas, and whose policy decides."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from caching.artifacts.samples import Clock, keys, put
from couler_plugins.caching.artifacts import (
    ArtifactCache,
    Claim,
    Refused,
    Stored,
    open_cache,
)
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History


def test_eviction_keeps_what_the_policy_wants_and_what_is_pinned(cache: ArtifactCache) -> None:
    for number, key in enumerate("abcd"):
        put(cache, key, 100, float(number))
    cache.pin("a", 60)
    assert [entry.key for entry in cache.evict(200)] == ["b", "c"]
    assert keys(cache) == ["a", "d"]
    assert cache.unpin("a")
    assert [entry.key for entry in cache.evict(0)] == ["a", "d"]


def test_equal_content_is_there_once_and_nothing_goes_for_its_copies(cache: ArtifactCache) -> None:
    for number in range(3):
        assert isinstance(cache.put(f"k{number}", {"out": b"x" * 400}), Stored)
    assert cache.evict(400) == ()
    assert [entry.key for entry in cache.evict(399)] == ["k0", "k1", "k2"]


def test_the_capacity_holds_and_the_policy_chooses(small: ArtifactCache) -> None:
    assert isinstance(put(small, "a", 400, 1), Stored)
    assert isinstance(put(small, "b", 400, 5), Stored)
    result = put(small, "c", 400, 3)
    assert isinstance(result, Stored)
    assert [entry.key for entry in result.evicted] == ["a"]
    assert isinstance(put(small, "d", 400, 2), Refused)
    assert isinstance(put(small, "e", 1001, 100), Refused)
    assert keys(small) == ["b", "c"]
    assert small.stats().bytes == 800


def test_what_would_happen_is_asked_without_changing_anything(small: ArtifactCache) -> None:
    put(small, "a", 600, 1)
    worse = Candidate(key="b", bytes=600, seconds=0.5)
    assert not small.admit(worse).admitted
    better = small.admit(Candidate(key="b", bytes=600, seconds=5.0))
    assert better.admitted
    assert [entry.key for entry in better.evicted] == ["a"]
    assert keys(small) == ["a"]


def test_what_is_read_is_not_evicted(small: ArtifactCache) -> None:
    put(small, "a", 600, 1)
    with small.get("a") or pytest.fail("a miss") as hit:
        assert isinstance(put(small, "b", 600, 9), Refused)
        assert small.evict(0) == ()
        assert len(hit.read("out")) == 600
    assert isinstance(put(small, "b", 600, 9), Stored)


def test_what_is_taken_out_while_it_is_read_stays_until_then(small: ArtifactCache) -> None:
    put(small, "a", 600, 1)
    with small.get("a") or pytest.fail("a miss") as hit:
        assert small.remove("a")
        assert len(hit.read("out")) == 600
        assert small.stats().bytes == 600
        assert small.rebuild() == 0
        assert small.lookup("a") is None
    assert small.stats().bytes == 0


def test_namespaces_are_strangers_with_quotas(tmp_path: Path) -> None:
    place = tmp_path / "cache"
    with open_cache(place, namespace="one", capacity=1000, quota=500) as one, open_cache(place, namespace="two") as two:
        one.put("k", {"out": b"1" * 400})
        assert two.get("k") is None
        assert isinstance(put(one, "l", 600, 1), Refused)
        assert isinstance(put(two, "m", 600, 1), Stored)
        assert isinstance(put(two, "n", 700, 1e9), Refused)
        assert two.evict(0) != ()
        assert keys(one) == ["k"]
        usage = one.stats().usage
        assert (usage["one"].bytes, usage["one"].quota, usage["two"].bytes) == (400, 500, 0)


def test_the_limit_is_kept_with_the_cache(tmp_path: Path) -> None:
    open_cache(tmp_path, capacity=100).close()
    with open_cache(tmp_path) as cache:
        assert cache.stats().capacity == 100
        assert isinstance(put(cache, "a", 101, 1), Refused)


def test_a_policy_that_fails_is_a_reason_not_to_store(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Broken(CachePolicy):
        name: ClassVar[str] = "broken"

        def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
            raise KeyError("oh")

    with open_cache(tmp_path, capacity=100, policy=Broken()) as cache:
        put(cache, "a", 80, 1)
        result = put(cache, "b", 80, 1)
        assert isinstance(result, Refused)
        assert "the policy broken failed" in result.reason
        with pytest.raises(EngineError):
            cache.evict(10)
        assert keys(cache) == ["a"]


def test_the_default_policy_decides(tmp_path: Path) -> None:
    with open_cache(tmp_path, capacity=1000) as cache:
        put(cache, "a", 600, 1)
        assert isinstance(put(cache, "b", 600, 1000), Stored)
        assert keys(cache) == ["b"]


def test_evicting_frees_what_went_before(tmp_path: Path) -> None:
    clock = Clock()
    clock.now = time.time()
    with open_cache(str(tmp_path / "store"), index="none", clock=clock) as cache:
        for name in "abcde":
            cache.put(name, {"o": name.encode() * 1000})
        assert len(cache.evict(2000)) == 3
        clock.now += 10_000
        for _ in range(2):
            cache.evict(2000)
            clock.now += 10_000
        assert cache.stats().bytes == 2000


@pytest.mark.parametrize("sweep", ["evict", "repair"])
@pytest.mark.parametrize("gone", ["removed", "replaced", "never seen"])
def test_without_an_index_what_nobody_needs_goes_after_its_grace_period(tmp_path: Path, gone: str, sweep: str) -> None:
    """Also where nothing else has to go, and by another process than the one that left it behind."""
    clock = Clock()
    clock.now = time.time() + 10

    def opened() -> ArtifactCache:
        return open_cache(tmp_path, index="none", clock=clock, grace_seconds=3600.0)

    def collect() -> int:
        with opened() as cache:
            if sweep == "evict":
                assert cache.evict(10_000) == ()
            else:
                cache.verify(repair=True)
            return cache.stats().bytes

    with opened() as cache:
        cache.put("stays", {"o": b"s" * 500, "shared": b"both"})
        cache.put("k", {"o": b"k" * 300, "shared": b"both"})
        if gone == "removed":
            cache.remove("k")
        elif gone == "replaced":
            with cache.claim("k", usable=lambda entry: False) as claim:
                assert isinstance(claim, Claim)
                assert isinstance(claim.put({"shared": b"both"}), Stored)
        else:
            (manifest,) = (tmp_path / "v1/default").glob("entries/*/" + hashlib.sha256(b"k").hexdigest() + ".json")
            manifest.unlink()
    if gone == "never seen":
        assert collect() == 804, "its grace period begins"
    clock.now += 3500
    assert collect() == 804, "somebody may still read it"
    clock.now += 200
    assert collect() == 504
    assert not list((tmp_path / "v1/default/doomed").iterdir())


def test_a_grace_period_begins_when_the_last_one_who_needs_a_blob_goes(tmp_path: Path) -> None:
    clock = Clock()
    clock.now = time.time() + 10
    with open_cache(tmp_path, index="none", clock=clock, grace_seconds=3600.0) as cache:
        cache.put("a", {"o": b"x" * 100})
        cache.put("b", {"o": b"x" * 100})
        cache.remove("a")
        clock.now += 3000
        cache.remove("b")
        clock.now += 3000
        cache.evict(0)
        assert cache.stats().bytes == 100
        clock.now += 700
        cache.evict(0)
        assert cache.stats().bytes == 0
