"""The artifact cache as its callers see it, with an index and without."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import time
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from couler_plugins.caching.artifacts import (
    ArtifactCache,
    Claim,
    Content,
    Existed,
    Hit,
    Lost,
    Meta,
    Outputs,
    Refused,
    Stored,
    open_cache,
)
from couler_plugins.caching.artifacts.redact import redact
from couler_plugins.caching.artifacts.sources import Chunks
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.runs import Candidate, History


class Clock:
    """A clock that stands until it is set."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Costly(CachePolicy):
    """Keeps what took longest."""

    name: ClassVar[str] = "costly"

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> Set[str]:
        kept: set[str] = set()
        room = capacity if capacity is not None else sum(one.bytes for one in candidates)
        for one in sorted(candidates, key=lambda one: (-(one.seconds or 0.0), one.key)):
            if one.bytes <= room:
                kept.add(one.key)
                room -= one.bytes
        return kept


@pytest.fixture(params=["folder", "folder without index", "memory"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ArtifactCache]:
    """An empty cache of each kind."""
    url = f"memory://{tmp_path.name}" if request.param == "memory" else str(tmp_path / "cache")
    index = "none" if request.param == "folder without index" else None
    with open_cache(url, index=index, policy=Costly()) as cache:
        yield cache


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def small(tmp_path: Path, clock: Clock) -> Iterator[ArtifactCache]:
    """A cache of 1,000 bytes with an index."""
    with open_cache(tmp_path / "cache", capacity=1000, policy=Costly(), clock=clock) as cache:
        yield cache


def keys(cache: ArtifactCache) -> list[str]:
    return [entry.key for entry in cache.entries()]


def put(cache: ArtifactCache, key: str, size: int, seconds: float) -> Stored | Existed | Refused:
    return cache.put(key, {"out": key.encode().ljust(size, b".")}, Meta(seconds=seconds))


def test_what_is_put_is_got(cache: ArtifactCache, tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"weights" * 1000)
    meta = Meta(family="churn", step="train", type="fit", spec="v1:ab", run="r1", seconds=2.5, parents=("p1",))
    outputs: Outputs = {"model": file, "auc": b"0.9", "log": Content(b"{}", codec="json"), "empty": b""}
    result = cache.put("k1", outputs, meta)
    assert isinstance(result, Stored)
    assert result.entry.meta == meta
    assert cache.lookup("k1") == result.entry
    with cache.get("k1") or pytest.fail("a miss") as hit:
        assert {name: output.codec for name, output in hit.outputs.items()} == {
            "auc": "bytes", "empty": "bytes", "log": "json", "model": "file",
        }  # fmt: skip
        assert hit.read("auc") == b"0.9"
        assert hit.read("empty") == b""
        with hit.open("model") as stream:
            assert stream.read() == file.read_bytes()
        hit.save("model", tmp_path / "copy.bin")
    assert (tmp_path / "copy.bin").read_bytes() == file.read_bytes()
    assert cache.verify().ok


def test_a_key_keeps_its_first_result(cache: ArtifactCache) -> None:
    first = cache.put("k1", {"out": b"first"})
    second = cache.put("k1", {"out": b"second"})
    assert isinstance(first, Stored)
    assert isinstance(second, Existed)
    assert second.entry == first.entry
    with cache.get("k1") or pytest.fail("a miss") as hit:
        assert hit.read("out") == b"first"


def test_a_miss_is_none(cache: ArtifactCache, tmp_path: Path) -> None:
    assert cache.get("k1") is None
    assert cache.lookup("k1") is None
    assert cache.restore("k1", {"out": tmp_path / "out"}) is None
    assert not cache.remove("k1")
    assert not cache.pin("k1", 10)


def test_all_outputs_are_restored_or_none(cache: ArtifactCache, tmp_path: Path) -> None:
    cache.put("k1", {"a": b"1", "b": b"2"})
    there = tmp_path / "a"
    there.write_text("old")
    assert cache.restore("k1", {"a": there, "c": tmp_path / "c"}) is None
    assert there.read_text() == "old"
    assert cache.restore("k1", {"a": there, "b": tmp_path / "deep" / "b"}) is not None
    assert there.read_text() == "1"
    assert (tmp_path / "deep" / "b").read_text() == "2"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "cache") == ["a", "deep"]


def test_a_result_is_taken_out(cache: ArtifactCache) -> None:
    cache.put("k1", {"out": b"1"})
    assert cache.remove("k1")
    assert cache.get("k1") is None
    assert isinstance(cache.put("k1", {"out": b"2"}), Stored)


def test_one_computes_and_the_others_wait(cache: ArtifactCache) -> None:
    first, second = cache.claim("k1"), cache.claim("k1", wait=0.05)
    assert isinstance(first, Claim)
    assert first.leader
    assert isinstance(second, Claim)
    assert not second.leader
    assert isinstance(first.put({"out": b"1"}), Stored)
    with cache.claim("k1") as found:
        assert isinstance(found, Hit)


def test_a_claim_that_was_given_up_is_free(cache: ArtifactCache) -> None:
    with cache.claim("k1"):
        pass
    with cache.claim("k1") as claim:
        assert isinstance(claim, Claim)
        assert claim.leader


def test_eviction_keeps_what_the_policy_wants_and_what_is_pinned(cache: ArtifactCache) -> None:
    for number, key in enumerate("abcd"):
        put(cache, key, 100, float(number))
    cache.pin("a", 60)
    assert [entry.key for entry in cache.evict(200)] == ["b", "c"]
    assert keys(cache) == ["a", "d"]
    assert cache.unpin("a")
    assert [entry.key for entry in cache.evict(0)] == ["a", "d"]


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


@pytest.mark.parametrize("jump", [61.0, -100_000.0])
def test_leases_and_claims_end_with_their_owner(tmp_path: Path, clock: Clock, jump: float) -> None:
    """The dead owner is a cache that is never closed and whose heartbeat does not come; the clock may be set back."""
    dead = open_cache(tmp_path / "cache", capacity=1000, policy=Costly(), clock=clock)
    put(dead, "a", 600, 1)
    hit, claim = dead.get("a"), dead.claim("b")
    with open_cache(tmp_path / "cache", policy=Costly(), clock=clock) as cache:
        assert isinstance(put(cache, "c", 600, 9), Refused)
        clock.now += jump
        assert isinstance(put(cache, "c", 600, 9), Stored)
        with cache.claim("b") as mine:
            assert isinstance(mine, Claim)
            assert mine.leader
    assert hit is not None
    with pytest.raises(Lost):
        hit.read("out")
    claim.close()
    dead.close()


def test_equal_bytes_are_stored_once(small: ArtifactCache) -> None:
    small.put("a", {"x": b"1" * 300, "y": b"1" * 300})
    small.put("b", {"z": b"1" * 300})
    assert small.stats().bytes == 300
    small.remove("a")
    with small.get("b") or pytest.fail("a miss") as hit:
        assert hit.read("z") == b"1" * 300


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


@pytest.mark.parametrize("key", ["", "../x", "/x", "a/b", ".hidden", "a\n", "ä", "x" * 256])
def test_keys_that_are_none(cache: ArtifactCache, key: str) -> None:
    for call in (cache.get, cache.lookup, cache.remove, cache.claim, lambda key: cache.put(key, {"a": b""})):
        with pytest.raises(InvalidInput):
            call(key)


@pytest.mark.parametrize("names", [["../x"], ["a/b"], [".a"], ["a", "A"], [""]])
def test_names_of_outputs_that_are_none(cache: ArtifactCache, names: list[str]) -> None:
    with pytest.raises(InvalidInput):
        cache.put("k1", dict.fromkeys(names, b""))


@pytest.mark.parametrize("namespace", ["", "..", "A", "a/b", "a..b", "a.", "-a", "x" * 64])
def test_namespaces_that_are_none(tmp_path: Path, namespace: str) -> None:
    with pytest.raises(InvalidInput):
        open_cache(tmp_path, namespace=namespace)


def test_a_file_that_is_not_there_is_a_reason_not_to_store(cache: ArtifactCache, tmp_path: Path) -> None:
    result = cache.put("k1", {"out": tmp_path / "nothing"})
    assert isinstance(result, Refused)
    assert cache.get("k1") is None


class Grown:
    """A source that has one byte more than it said."""

    bytes = 3

    def chunks(self) -> Chunks:
        yield from (b"ab", b"cd")


def test_a_source_that_changes_is_a_reason_not_to_store(cache: ArtifactCache) -> None:
    assert isinstance(cache.put("k1", {"out": Content(Grown())}), Refused)
    assert cache.get("k1") is None
    assert cache.verify(repair=True).corrupt == ()


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


SECRETS = ("AKIAKEY", "s3cr/et+x", "pa@ss:w")

SHOWN = [
    "s3://AKIAKEY:s3cr/et+x@bucket/prefix",
    "postgresql://user:pa@ss:w@host/db",
    "s3://bucket/x?token=s3cr/et+x&region=eu",
    "{'key': 'AKIAKEY', 'secret': 's3cr/et+x'}",
    "connection failed: password=pa@ss:w host=db",
]


@pytest.mark.parametrize(("text", "around"), list(itertools.product(SHOWN, ["{}", "cannot open <{}>: refused"])))
def test_credentials_are_hidden(text: str, around: str) -> None:
    hidden = redact(around.format(text))
    assert not any(secret in hidden for secret in SECRETS)
    assert "***" in hidden


def test_what_is_no_credential_stays() -> None:
    for text in ("s3://bucket/a@b", "/data/cache", "the key k1 is missing", "memory://x"):
        assert redact(text) == text


def test_a_text_that_no_manifest_may_have_is_refused_and_harms_nobody(cache: ArtifactCache) -> None:
    for meta in (Meta(family="x" * 2000), Meta(seconds=float("nan")), Meta(seconds=-1.0), Meta(seconds=1e300)):
        with pytest.raises(InvalidInput, match="cannot be said of a result"):
            cache.put("k", {"o": b"1"}, meta)
    assert cache.entries() == []
    assert isinstance(cache.put("k", {"o": b"1"}), Stored)


def test_a_result_that_does_not_count_stays_until_there_is_another(cache: ArtifactCache) -> None:
    cache.put("k", {"o": b"old"})
    with cache.claim("k", usable=lambda entry: False) as abandoned:
        assert isinstance(abandoned, Claim)
        assert abandoned.leader
    with cache.claim("k") as found:
        assert isinstance(found, Hit)
        assert found.read("o") == b"old"
    with cache.claim("k", usable=lambda entry: entry.output("o").bytes > 3) as claim:
        assert isinstance(claim, Claim)
        assert isinstance(claim.put({"o": b"newer"}), Stored)
    with cache.claim("k", usable=lambda entry: entry.output("o").bytes > 3) as again:
        assert isinstance(again, Hit)
        assert again.read("o") == b"newer"


def test_what_cannot_be_written_is_no_fault_of_the_result(cache: ArtifactCache, tmp_path: Path) -> None:
    cache.put("k", {"o": b"1"})
    hit = cache.get("k")
    assert hit is not None
    with hit, pytest.raises(OSError, match="No such file"):
        hit.save("o", tmp_path / "nowhere" / "o")
    assert cache.lookup("k") is not None


def test_a_row_of_another_key_is_no_hit(tmp_path: Path) -> None:
    with open_cache(str(tmp_path / "store")) as cache:
        cache.put("one", {"o": b"1"})
        cache.put("two", {"o": b"2"})
        (index,) = (tmp_path / "store").rglob("*.sqlite")
        with contextlib.closing(sqlite3.connect(index)) as connection, connection:
            connection.execute("UPDATE entries SET manifest = (SELECT manifest FROM entries WHERE key = 'one')")
        assert cache.get("two") is None
        assert cache.lookup("two") is None
        assert cache.lookup("one") is not None


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


def test_a_result_that_does_not_count_stays_where_another_does_not_fit(small: ArtifactCache) -> None:
    small.put("k", {"o": b"old"})
    with small.claim("k", usable=lambda entry: False) as claim:
        assert isinstance(claim, Claim)
        assert isinstance(claim.put({"o": b"x" * 1_000_000}), Refused)
    assert small.lookup("k") is not None


def test_numbers_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with open_cache(tmp_path) as cache:
        for seconds in (float("inf"), float("nan"), -1.0):
            with pytest.raises(InvalidInput, match="makes no sense"):
                cache.pin("k", seconds)
    for capacity in (-1, 2**63):
        with pytest.raises(InvalidInput, match="are no limit"):
            open_cache(tmp_path, capacity=capacity)


def test_a_store_has_one_index_or_none(tmp_path: Path) -> None:
    """With two, each would take the other's results for litter, and remove them."""
    store, other = tmp_path / "store", f"sqlite:///{tmp_path}/other.sqlite"
    with open_cache(store) as cache:
        cache.put("k", {"o": b"x"})
    with pytest.raises(EngineError, match="belongs to an index"):
        open_cache(store, index="none")
    with open_cache(tmp_path / "elsewhere", index=other) as cache:
        cache.put("k", {"o": b"y"})
    with pytest.raises(EngineError, match="belongs to another index"):
        open_cache(store, index=other)
    with open_cache(store) as cache:
        assert cache.lookup("k") is not None
        assert cache.verify().ok


def test_a_new_index_takes_over_what_was_there(tmp_path: Path) -> None:
    with open_cache(tmp_path / "store", index="none") as cache:
        cache.put("k", {"o": b"x"})
    for name in ("first", "second"):  # the second as if the first had been lost
        with open_cache(tmp_path / "store", index=f"sqlite:///{tmp_path}/{name}.sqlite") as cache:
            assert cache.lookup("k") is not None
    with pytest.raises(EngineError, match="belongs to another index"):
        open_cache(tmp_path / "store", index=f"sqlite:///{tmp_path}/first.sqlite")
