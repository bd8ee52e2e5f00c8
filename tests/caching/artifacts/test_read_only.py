"""A cache on a read-only mount: its results can be read, and what would write is refused with the reason."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from couler_plugins.caching.artifacts import Claim, Refused, Stored, open_cache
from couler_plugins.errors import EngineError


@contextlib.contextmanager
def _mounted(folder: Path, target: Path) -> Iterator[Path]:
    """A folder at another place, where it can only be read; a skipped test where none can be mounted."""
    target.mkdir()
    commands = (["mount", "--bind", str(folder), str(target)], ["mount", "-o", "remount,bind,ro", str(target)])
    done = 0
    try:
        for command in commands:
            if os.getuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
                pytest.skip("needs the right to mount a folder")
            done += 1
        yield target
    finally:
        if done:
            subprocess.run(["umount", "--lazy", target], check=True)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A folder that can be written, and the same where it cannot."""
    folder = tmp_path / "cache"
    with open_cache(folder) as cache:
        assert isinstance(cache.put("key", {"out": b"x" * 100}), Stored)
    with _mounted(folder, tmp_path / "mounted") as target:
        yield folder, target


def test_it_can_be_read(mounted: tuple[Path, Path], tmp_path: Path) -> None:
    _, target = mounted
    with open_cache(target) as cache:
        assert cache.lookup("key") is not None
        hit = cache.get("key")
        assert hit is not None
        with hit:
            assert hit.read("out") == b"x" * 100
        assert cache.restore("key", {"out": tmp_path / "restored"}) is not None
        assert [entry.key for entry in cache.entries()] == ["key"]
        assert cache.stats().bytes == 100
        assert cache.get("another") is None


def test_what_writes_is_refused_with_the_reason(mounted: tuple[Path, Path], caplog: pytest.LogCaptureFixture) -> None:
    _, target = mounted
    with open_cache(target, capacity=5) as cache:
        result = cache.put("other", {"out": b"y"})
        assert isinstance(result, Refused)
        assert "can only be read" in result.reason
        for call in (lambda: cache.evict(0), lambda: cache.remove("key"), lambda: cache.pin("key", 1), cache.rebuild):
            with pytest.raises(EngineError, match="can only be read"):
                call()
        with cache.claim("other", wait=0) as claim:
            assert isinstance(claim, Claim)
            assert not claim.leader
        assert cache.get("key") is not None
    assert "broken" not in caplog.text


def test_another_namespace_is_empty(mounted: tuple[Path, Path]) -> None:
    _, target = mounted
    with open_cache(target, namespace="unheard-of") as cache:
        assert cache.entries() == []
        assert cache.get("key") is None


def test_what_somebody_writes_elsewhere_is_seen(mounted: tuple[Path, Path]) -> None:
    """The log that he writes is read with it."""
    folder, target = mounted
    with open_cache(folder) as writer:
        writer.put("new", {"out": b"new"})
        with open_cache(target) as cache:
            hit = cache.get("new")
            assert hit is not None
            with hit:
                assert hit.read("out") == b"new"
            writer.put("newer", {"out": b"newer"})
            assert cache.lookup("newer") is not None
            writer.remove("new")
            assert cache.get("new") is None


def test_without_an_index_the_reason_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    with _mounted(folder, tmp_path / "mounted") as target, pytest.raises(EngineError) as caught:
        open_cache(target)
    assert "none can be made" in caught.value.message
    assert not caught.value.hint


def test_only_a_broken_index_is_to_be_moved_away(tmp_path: Path) -> None:
    (tmp_path / "index.sqlite").write_bytes(b"no database at all " * 100)
    with pytest.raises(EngineError) as caught:
        open_cache(tmp_path)
    assert "move the index away" in (caught.value.hint or "")


def test_it_can_be_verified(mounted: tuple[Path, Path]) -> None:
    folder, target = mounted
    with open_cache(target) as cache:
        assert cache.verify().ok
        with pytest.raises(EngineError, match="can only be read"):
            cache.verify(repair=True)
    (blob,) = (path for path in (folder / "v1/default/blobs").rglob("*") if path.is_file())
    blob.chmod(0o644)
    blob.write_bytes(b"?" * 100)
    with open_cache(target) as cache:
        assert cache.verify().corrupt == ("key",)
    blob.unlink()
    with open_cache(target) as cache:
        assert cache.verify().missing == ("key",)


def test_a_copy_of_what_is_in_use_has_all_that_was_written(tmp_path: Path) -> None:
    """Its log is there, but not the memory that the writers share."""
    folder, copy = tmp_path / "cache", tmp_path / "copy"
    with open_cache(folder) as cache:
        cache.put("key", {"out": b"x" * 100})
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*-shm"))
    assert (copy / "index.sqlite-wal").stat().st_size
    with _mounted(copy, tmp_path / "mounted") as target, open_cache(target) as cache:
        hit = cache.get("key")
        assert hit is not None
        with hit:
            assert hit.read("out") == b"x" * 100
        assert cache.verify().ok
