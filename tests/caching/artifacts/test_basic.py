"""The artifact cache as its callers see it, with an index and without."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from couler_plugins.caching.artifacts import (
    ArtifactCache,
    Content,
    Existed,
    Meta,
    Outputs,
    Refused,
    Stored,
    open_cache,
)
from couler_plugins.caching.artifacts.sources import Chunks


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


def test_equal_bytes_are_stored_once(small: ArtifactCache) -> None:
    small.put("a", {"x": b"1" * 300, "y": b"1" * 300})
    small.put("b", {"z": b"1" * 300})
    assert small.stats().bytes == 300
    small.remove("a")
    with small.get("b") or pytest.fail("a miss") as hit:
        assert hit.read("z") == b"1" * 300


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
