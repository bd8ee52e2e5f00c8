"""The cache on S3, on Alluxio, in memory and in a folder without an index: one suite for all of them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from caching.artifacts.crowd import check, outputs_of
from couler_plugins.caching.artifacts import Claim, Existed, Lost, Meta, Refused, Stored, open_cache
from couler_plugins.errors import EngineError
from servers.s3 import KEY, SECRET, s3_files, s3_server, s3_url
from support import first_of

pytestmark = pytest.mark.sampled


def on_alluxio(*names: str) -> list[Any]:
    """Parameters of tests that run on a real Alluxio."""
    return [pytest.param(name, marks=pytest.mark.cluster_long) for name in names]


@pytest.fixture(
    params=[
        *first_of(["s3", "s3+postgresql", "alluxio", "memory", "folder"]),
        *on_alluxio("alluxio-2.9", "alluxio-2.9+sqlite"),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Where a cache is, as arguments of `open_cache`."""
    match request.param:
        case "s3":
            yield {"url": s3_url(request.getfixturevalue("s3"))}
        case "s3+postgresql":
            database = request.getfixturevalue("postgres").database()
            yield {"url": s3_url(request.getfixturevalue("s3")), "index": database}
        case "alluxio":
            hosts, folder = request.getfixturevalue("alluxio")
            yield {"url": f"alluxio://{hosts}{folder}/cache"}
        case "alluxio-2.9":
            yield {"url": request.getfixturevalue("alluxio_proxy").url()}
        case "alluxio-2.9+sqlite":
            index = f"sqlite:///{tmp_path}/index.sqlite"
            yield {"url": request.getfixturevalue("alluxio_proxy").url(), "index": index}
        case "memory":
            yield {"url": f"memory://{uuid.uuid4().hex}"}
        case _:
            yield {"url": str(tmp_path / "cache"), "index": "none"}


def test_a_result_goes_in_and_comes_out(place: dict[str, Any], tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.write_bytes(b"weights" * 1_000_000)
    meta = Meta(family="f", step="s", type="t", spec="v1:x", run="r", seconds=1.5, parents=("p",), made_by="me")
    with open_cache(**place) as cache:
        assert cache.get("key") is None
        assert isinstance(cache.put("key", {"model": model, "score": b"0.9"}, meta), Stored)
        assert isinstance(cache.put("key", {"model": b"another"}), Existed)
    with open_cache(**place) as cache:
        entry = cache.restore("key", {"model": tmp_path / "restored", "score": tmp_path / "score"})
        assert entry is not None
        assert entry.meta == meta
        assert (tmp_path / "restored").read_bytes() == model.read_bytes()
        assert (tmp_path / "score").read_bytes() == b"0.9"
        assert [entry.key for entry in cache.entries()] == ["key"]
        assert cache.verify().ok
        assert cache.remove("key")
        assert cache.get("key") is None
        assert cache.entries() == []


def test_eviction_brings_it_under_the_capacity(place: dict[str, Any]) -> None:
    with open_cache(**place) as cache:
        for number in range(6):
            assert isinstance(cache.put(f"key-{number}", {"out": bytes([number]) * 1_000}, Meta(seconds=1.0)), Stored)
        evicted = cache.evict(3_000)
        assert len(evicted) == 3
        assert len(cache.entries()) == 3
        assert {entry.key for entry in evicted} & {entry.key for entry in cache.entries()} == set()
        for entry in evicted:
            assert cache.get(entry.key) is None
        for entry in cache.entries():
            hit = cache.get(entry.key)
            assert hit is not None
            with hit:
                assert hit.read("out") == bytes([int(entry.key[-1])]) * 1_000


def test_one_namespace_sees_nothing_of_another(place: dict[str, Any]) -> None:
    with open_cache(**place, namespace="theirs") as theirs, open_cache(**place, namespace="mine") as mine:
        assert isinstance(theirs.put("key", {"out": b"x"}), Stored)
        assert mine.get("key") is None
        assert mine.entries() == []
        assert not mine.remove("key")
        assert mine.evict(0) == ()
        hit = theirs.get("key")
        assert hit is not None
        hit.close()


def test_a_claim_is_only_one(place: dict[str, Any]) -> None:
    with open_cache(**place) as one, open_cache(**place) as other:
        with one.claim("key", wait=0) as first, other.claim("key", wait=0.2) as second:
            assert isinstance(first, Claim)
            assert isinstance(second, Claim)
            assert (first.leader, second.leader) == (True, False)
        with other.claim("key", wait=0) as third:
            assert isinstance(third, Claim)
            assert third.leader


def test_a_pinned_result_stays(place: dict[str, Any]) -> None:
    with open_cache(**place) as cache:
        for number in range(3):
            cache.put(f"key-{number}", {"out": bytes([number]) * 100})
        assert cache.pin("key-1", 3600)
        assert not cache.pin("nothing", 3600)
        cache.evict(0)
        assert [entry.key for entry in cache.entries()] == ["key-1"]
        assert cache.unpin("key-1")
        cache.evict(0)
        assert cache.entries() == []


@pytest.fixture(params=["moto", *on_alluxio("alluxio-2.9")])
def bucket(request: pytest.FixtureRequest) -> tuple[str, Any]:
    """The URL of a cache in a new bucket, and the server's objects."""
    if request.param == "moto":
        endpoint = request.getfixturevalue("s3")
        return s3_url(endpoint), s3_files(endpoint)
    alluxio = request.getfixturevalue("alluxio_proxy")
    return alluxio.url(), alluxio.files()


@pytest.mark.parametrize("damage", [b"", b"torn", None], ids=["empty", "torn", "gone"])
def test_a_damaged_object_in_s3_is_a_miss(bucket: tuple[str, Any], damage: bytes | None) -> None:
    url, files = bucket
    with open_cache(url) as cache:
        assert isinstance(cache.put("key", {"out": b"x" * 50_000}), Stored)
        found = files.find(url.split("@")[1].split("?")[0])
        (blob,) = [path for path in found if "/blobs/" in path and not path.endswith("/")]
        if damage is None:
            files.rm_file(blob)
        else:
            files.pipe_file(blob, damage)
        hit = cache.get("key")
        if hit is not None:
            with hit, pytest.raises(Lost):
                hit.read("out")
        assert cache.get("key") is None
        assert isinstance(cache.put("key", {"out": b"x" * 50_000}), Stored)
        hit = cache.get("key")
        assert hit is not None
        with hit:
            assert hit.read("out") == b"x" * 50_000


def test_an_index_of_s3_is_rebuilt_from_it(bucket: tuple[str, Any], tmp_path: Path) -> None:
    url, _ = bucket
    with open_cache(url, index=f"sqlite:///{tmp_path}/one.sqlite") as cache:
        for key in ("a", "b"):
            assert isinstance(cache.put(key, outputs_of(key), Meta(step=key)), Stored)
    with open_cache(url, index=f"sqlite:///{tmp_path}/two.sqlite") as cache:
        cache.rebuild()
        for key in ("a", "b"):
            hit = cache.get(key)
            assert hit is not None
            with hit:
                check(key, hit)
                assert hit.entry.meta.step == key
        assert cache.verify().ok


@pytest.mark.slow
def test_an_s3_server_that_goes_away_is_a_miss(tmp_path: Path) -> None:
    with s3_server() as endpoint:
        cache = open_cache(s3_url(endpoint))
        assert isinstance(cache.put("key", {"out": b"x"}), Stored)
    assert cache.get("key") is None
    assert cache.lookup("key") is None
    assert isinstance(cache.put("other", {"out": b"x"}), Refused)
    assert cache.restore("key", {"out": tmp_path / "out"}) is None
    assert not (tmp_path / "out").exists()
    cache.close()


def test_a_bucket_that_is_not_there_cannot_be_opened_or_refuses(s3: str) -> None:
    url = f"s3://{KEY}:{SECRET}@no-such-bucket/x?endpoint_url={s3}"
    try:
        cache = open_cache(url)
    except EngineError:
        return
    assert isinstance(cache.put("key", {"out": b"x"}), Refused)
    cache.close()
