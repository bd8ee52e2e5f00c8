"""Manifests that a later version of the cache made: a miss, and nothing that we overwrite, or remove as litter."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest

from caching.artifacts.samples import Clock, keys
from couler_plugins.caching.artifacts import ArtifactCache, Claim, Existed, Refused, Stored, open_cache
from couler_plugins.caching.artifacts.sources import blob_name, entry_name

SHARED, OWN = b"both need this", b"only the later one needs this"


def names(folder: Path) -> set[str]:
    """The manifests and blobs of the namespace."""
    base = folder / "v1/default"
    found = {path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file()}
    return {name for name in found if name.startswith(("entries/", "blobs/"))}


def later_manifest(place: Path, version: str) -> set[str]:
    """Plants the result `k` of version 2, of another form; the objects that it is made of."""
    blobs = [blob_name(hashlib.sha256(content).hexdigest()) for content in (SHARED, OWN)]
    for blob, content in zip(blobs, (SHARED, OWN), strict=True):
        path = place / "v1/default" / blob
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    parts = [["zstd", blob.rpartition("/")[2]] for blob in blobs]
    text = json.dumps({"version": 2, "namespace": "default", "key": "k", "parts": parts})
    manifest = entry_name("k", version)
    path = place / "v1/default" / manifest
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return {manifest, *blobs}


def test_without_an_index_it_is_a_miss_and_stays(tmp_path: Path) -> None:
    clock = Clock()
    clock.now = time.time()
    with open_cache(tmp_path, index="none", clock=clock) as cache:
        cache.put("mine", {"out": SHARED, "more": b"more"})
        theirs = later_manifest(tmp_path, "")
        assert (cache.get("k"), cache.lookup("k"), keys(cache)) == (None, None, ["mine"])
        result = cache.put("k", {"out": b"x"})
        assert isinstance(result, Refused)
        assert "later version" in result.reason
        with cache.claim("k", usable=lambda entry: False) as claim:
            assert isinstance(claim, Claim)
            assert isinstance(claim.put({"out": b"x"}), Refused)
        assert not cache.remove("k")
        cache.remove("mine")
        for _ in range(3):
            cache.evict(0)
            report = cache.verify(repair=True)
            assert report.later == (entry_name("k"),)
            clock.now += 10_000
        assert names(tmp_path) == theirs
        assert cache.verify().ok


@pytest.mark.parametrize("lost", [True, False])
def test_with_an_index_it_stays(tmp_path: Path, lost: bool) -> None:
    """It is found when the index is made anew from the store, or when index and store are compared."""
    with open_cache(tmp_path) as cache:
        cache.put("mine", {"out": SHARED, "more": b"more"})
        theirs = later_manifest(tmp_path, "0" * 16)
    if lost:
        for file in tmp_path.glob("index.sqlite*"):
            file.unlink()
    with open_cache(tmp_path) as cache:
        _outlives(cache, tmp_path, theirs)


def _outlives(cache: ArtifactCache, place: Path, theirs: set[str]) -> None:
    report = cache.verify(repair=True)
    assert (report.orphans, report.later) == ((), (entry_name("k", "0" * 16),))
    assert cache.verify().ok
    assert cache.stats().bytes == len(SHARED) + len(OWN) + len(b"more"), "it counts against the capacity"
    assert (cache.get("k"), keys(cache)) == (None, ["mine"])
    assert cache.remove("mine")
    cache.evict(0)
    cache.verify(repair=True)
    assert cache.rebuild() == 0
    assert names(place) == theirs
    manifest = place / "v1/default" / entry_name("k", "0" * 16)
    manifest.unlink()
    cache.verify(repair=True)
    assert (cache.verify().later, names(place), cache.stats().bytes) == ((), set(), 0)


def test_what_no_version_could_have_written_is_damage(tmp_path: Path) -> None:
    with open_cache(tmp_path, index="none") as cache:
        cache.put("k", {"out": b"x"})
        (manifest,) = (tmp_path / "v1/default/entries").glob("*/*")
        for text in ('{"version":0}', '{"version":"2"}', '{"version":true}', '["version",2]', '{"version":2'):
            manifest.write_text(text)
            assert isinstance(cache.put("k", {"out": b"x"}), Stored)
            assert isinstance(cache.put("k", {"out": b"x"}), Existed)
