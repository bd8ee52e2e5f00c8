"""Where the artifact cache keeps what, and that it finds its way back from there."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest

from caching.artifacts.faults import Faults
from couler_plugins.caching.artifacts import ArtifactCache, Existed, Lost, Meta, Refused, Stored, open_cache
from couler_plugins.caching.artifacts.entry import Entry, decode_entry

DIGEST = hashlib.sha256(b"content").hexdigest()


def files(folder: Path) -> list[str]:
    """The files in a folder, but for the one that says whose the store is."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if name.removeprefix("v1/") != "index.json")


def read(cache: ArtifactCache, key: str) -> bytes | None:
    hit = cache.get(key)
    if hit is None:
        return None
    with hit:
        try:
            return hit.read("out")
        except Lost:
            return None


def test_entries_and_blobs_are_in_shards_of_their_namespace(tmp_path: Path) -> None:
    key = hashlib.sha256(b"k1").hexdigest()
    with open_cache(tmp_path, namespace="team") as cache:
        cache.put("k1", {"out": b"content"})
        blob, manifest = files(tmp_path / "v1")
        assert blob == f"team/blobs/{DIGEST[:2]}/{DIGEST}"
        assert manifest.startswith(f"team/entries/{key[:2]}/{key}-")
        assert (tmp_path / "v1" / blob).read_bytes() == b"content"
        assert decode_entry((tmp_path / "v1" / manifest).read_bytes()) == cache.lookup("k1")
        cache.remove("k1")
        assert files(tmp_path / "v1") == []


def test_without_an_index_a_key_has_one_manifest(tmp_path: Path) -> None:
    key = hashlib.sha256(b"k1").hexdigest()
    with open_cache(tmp_path, index="none") as cache:
        cache.put("k1", {"out": b"content"})
    assert files(tmp_path) == [
        f"v1/default/blobs/{DIGEST[:2]}/{DIGEST}",
        f"v1/default/entries/{key[:2]}/{key}.json",
    ]


def test_nothing_is_left_of_a_result_that_was_refused(tmp_path: Path) -> None:
    with open_cache(tmp_path, capacity=10) as cache:
        cache.put("k1", {"out": b"content" * 2})
        cache.put("k2", {"out": b"content", "other": tmp_path / "missing"})
        assert files(tmp_path / "v1") == []
        assert cache.stats().bytes == 0


@pytest.mark.parametrize("way", ["automatic", "asked"])
def test_a_lost_index_is_rebuilt(tmp_path: Path, way: str) -> None:
    with open_cache(tmp_path) as cache:
        for number in range(5):
            cache.put(f"k{number}", {"out": b"%d" % number}, Meta(seconds=number, step="s"))
        before = cache.entries()
    if way == "asked":
        with contextlib.closing(sqlite3.connect(tmp_path / "index.sqlite", isolation_level=None)) as index:
            for table in ("entries", "objects", "links", "holds"):
                index.execute(f"DELETE FROM {table}")
            index.execute("UPDATE usage SET bytes = 0")
    else:
        for file in tmp_path.glob("index.sqlite*"):
            file.unlink()
    with open_cache(tmp_path) as cache:
        if way == "asked":
            assert cache.rebuild() == 5
        assert cache.entries() == before
        assert read(cache, "k3") == b"3"
        assert cache.verify().ok


def test_what_other_namespaces_hold_counts_in_a_new_index(tmp_path: Path) -> None:
    """They share the capacity, whoever opens the cache first."""
    for name in ("mine", "theirs"):
        with open_cache(tmp_path, namespace=name) as cache:
            assert isinstance(cache.put("key", {"out": name.encode() * 100}), Stored)
    for file in tmp_path.glob("index.sqlite*"):
        file.unlink()
    with open_cache(tmp_path, namespace="mine", capacity=1_200) as cache:
        assert {name: usage.bytes for name, usage in cache.stats().usage.items()} == {"mine": 400, "theirs": 600}
        assert cache.pin("key", 60)
        assert isinstance(cache.put("other", {"out": b"x" * 201}), Refused)
        assert isinstance(cache.put("other", {"out": b"x" * 200}), Stored)
    with open_cache(tmp_path, namespace="theirs") as cache:
        assert read(cache, "key") == b"theirs" * 100
        assert cache.verify().ok


def test_another_namespace_that_cannot_be_read_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may read one namespace only uses it; it is looked for again by who may read all."""
    for name in ("mine", "theirs"):
        with open_cache(tmp_path, namespace=name) as cache:
            assert isinstance(cache.put("key", {"out": name.encode()}), Stored)
    for file in tmp_path.glob("index.sqlite*"):
        file.unlink()
    faults = Faults(tmp_path / "v1/theirs", monkeypatch)
    faults.reset()
    faults.fail("scandir", errno.EACCES)
    with open_cache(tmp_path, namespace="mine") as cache:
        assert read(cache, "key") == b"mine"
        assert list(cache.stats().usage) == ["mine"]
    faults.reset()
    with open_cache(tmp_path, namespace="mine") as cache:
        assert list(cache.stats().usage) == ["mine", "theirs"]


def test_what_a_killed_writer_left_aside_goes_when_the_index_is_made_anew(tmp_path: Path) -> None:
    with open_cache(tmp_path) as cache:
        cache.put("key", {"out": b"content"})
    aside = tmp_path / "v1/default/tmp/0123456789ab"
    aside.parent.mkdir(exist_ok=True)
    aside.write_bytes(b"half of it")
    for file in tmp_path.glob("index.sqlite*"):
        file.unlink()
    with open_cache(tmp_path) as cache:
        assert not aside.exists()
        assert cache.stats().bytes == len(b"content")
        assert cache.verify().ok


def test_of_two_manifests_the_newest_whole_one_counts(tmp_path: Path) -> None:
    with open_cache(tmp_path) as cache:
        cache.put("k1", {"out": b"content"})
        (manifest,) = (tmp_path / "v1/default/entries").glob("*/*")
        entry = decode_entry(manifest.read_bytes())
    newer = msgspec.structs.replace(entry, created=entry.created + 1, meta=Meta(step="newer"))
    absent = msgspec.structs.replace(
        entry,
        created=entry.created + 2,
        outputs=(msgspec.structs.replace(entry.outputs[0], sha256="0" * 64),),
    )
    for other in (newer, absent):
        data = msgspec.json.encode(other)
        stem = manifest.name.partition("-")[0]
        manifest.with_name(f"{stem}-{hashlib.sha256(data).hexdigest()[:16]}.json").write_bytes(data)
    for file in tmp_path.glob("index.sqlite*"):
        file.unlink()
    with open_cache(tmp_path) as cache:
        assert cache.lookup("k1") == newer
        assert cache.verify().ok
        assert read(cache, "k1") == b"content"
        assert len(list((tmp_path / "v1/default/entries").glob("*/*"))) == 1


def test_a_manifest_that_nobody_can_read_keeps_all_that_it_may_need(tmp_path: Path) -> None:
    """It may be one of a later version: what it needs is not for us to remove."""
    with open_cache(tmp_path) as cache:
        cache.put("k1", {"out": b"content"})
        (manifest,) = (tmp_path / "v1/default/entries").glob("*/*")
    manifest.write_bytes(manifest.read_bytes().replace(b'"version":1', b'"version":2'))
    for file in tmp_path.glob("index.sqlite*"):
        file.unlink()
    with open_cache(tmp_path) as cache:
        assert cache.lookup("k1") is None
    assert len(files(tmp_path / "v1")) == 2


@pytest.mark.parametrize("index", [None, "none"])
@pytest.mark.parametrize("damage", ["missing", "flipped", "cut", "longer"])
def test_a_damaged_blob_is_a_miss_and_dropped(tmp_path: Path, index: str | None, damage: str) -> None:
    with open_cache(tmp_path, index=index) as cache:
        cache.put("k1", {"out": b"content"})
        blob = tmp_path / f"v1/default/blobs/{DIGEST[:2]}/{DIGEST}"
        if damage == "missing":
            blob.unlink()
        else:
            blob.chmod(0o644)
            blob.write_bytes({"flipped": b"cOntent", "cut": b"cont", "longer": b"content!"}[damage])
        assert not cache.verify().ok
        assert read(cache, "k1") is None
        assert cache.lookup("k1") is None
        assert isinstance(cache.put("k1", {"out": b"content"}), Stored)
        assert read(cache, "k1") == b"content"


def test_verify_mends_what_it_finds(tmp_path: Path) -> None:
    with open_cache(tmp_path) as cache:
        cache.put("good", {"out": b"good"})
        cache.put("bad", {"out": b"content"})
        (tmp_path / f"v1/default/blobs/{DIGEST[:2]}/{DIGEST}").write_bytes(b"CONTENT")
        stray = tmp_path / "v1/default/blobs/ff" / ("f" * 64)
        stray.parent.mkdir(exist_ok=True)
        stray.write_bytes(b"stray")
        report = cache.verify()
        assert (report.corrupt, report.missing, report.ok) == (("bad",), (), False)
        assert report.orphans == (f"blobs/ff/{'f' * 64}",)
        assert cache.verify(repair=True).repaired
        assert cache.verify().ok
        assert [entry.key for entry in cache.entries()] == ["good"]
        assert cache.stats().bytes == 4


def test_an_index_elsewhere_serves_the_same_store(tmp_path: Path) -> None:
    index = f"sqlite:///{tmp_path}/elsewhere.sqlite"
    with open_cache("memory://layout-elsewhere", index=index, capacity=10) as cache:
        assert isinstance(cache.put("k1", {"out": b"content"}), Stored)
        assert isinstance(cache.put("k1", {"out": b"other"}), Existed)
        assert read(cache, "k1") == b"content"
        assert cache.stats().index == "sqlite"
        assert cache.verify().ok


def test_a_store_that_is_away_is_a_miss(tmp_path: Path) -> None:
    place = tmp_path / "cache"
    with open_cache(place, index=f"sqlite:///{tmp_path}/index.sqlite") as cache:
        cache.put("k1", {"out": b"content"})
        shutil.rmtree(place)
        assert read(cache, "k1") is None


def test_manifests_say_their_version() -> None:
    entry = Entry(namespace="n", key="k", outputs=())
    assert msgspec.json.decode(msgspec.json.encode(entry))["version"] == 1
    with pytest.raises(ValueError, match="version"):
        decode_entry(msgspec.json.encode(entry).replace(b'"version":1', b'"version":2'))
