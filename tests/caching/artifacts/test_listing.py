"""What a store holds is all of it or an error: what cannot be listed would be taken for gone."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from caching.artifacts.faults import Faults
from couler_plugins.caching.artifacts import ArtifactCache, Stored, open_cache
from couler_plugins.caching.artifacts.fsspec_store import FsspecStore
from couler_plugins.caching.artifacts.stores import FolderStore
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.stores import StoredObject

GRACE = 3600.0
CALLS: dict[str, Callable[[ArtifactCache], object]] = {
    "rebuild": lambda cache: cache.rebuild(),
    "verify": lambda cache: cache.verify(),
    "repair": lambda cache: cache.verify(repair=True),
}


@pytest.mark.parametrize("error", [errno.EIO, errno.EACCES])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("index", [None, "none"])
def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: str | None, call: str, error: int
) -> None:
    with open_cache(tmp_path, index=index) as cache:
        assert isinstance(cache.put("key", {"out": b"content"}), Stored)
        faults = Faults(tmp_path / "v1/default/entries", monkeypatch)
        faults.reset()
        faults.fail("scandir", error)
        if call == "rebuild" and index == "none":
            assert cache.rebuild() == 0  # there is nothing to be made anew
        else:
            with pytest.raises(EngineError):
                CALLS[call](cache)
        faults.reset()
        _is_whole(cache)


def test_nothing_is_collected_by_half_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1e9
    with open_cache(tmp_path, index="none", clock=lambda: now, grace_seconds=GRACE) as cache:
        assert isinstance(cache.put("key", {"out": b"content"}), Stored)
        faults = Faults(tmp_path / "v1/default/entries", monkeypatch)
        faults.reset()
        faults.fail("scandir", errno.EIO)
        for _ in range(3):
            with pytest.raises(EngineError):
                cache.evict(1_000)
            now += 2 * GRACE
        faults.reset()
        _is_whole(cache)


def test_a_new_index_is_not_made_from_half_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_cache(tmp_path) as cache:
        assert isinstance(cache.put("key", {"out": b"content"}), Stored)
    for path in tmp_path.glob("index.sqlite*"):
        path.unlink()
    faults = Faults(tmp_path / "v1", monkeypatch)
    faults.reset()
    faults.fail("scandir", errno.EIO)
    with pytest.raises(EngineError):
        open_cache(tmp_path)
    faults.reset()
    with open_cache(tmp_path) as cache:
        _is_whole(cache)


class Walled(LocalFileSystem):  # type: ignore[misc]  # fsspec comes without types
    """A file system with folders that cannot be listed."""

    protocol = "walled"

    def ls(self, path: str, detail: bool = False, **kwargs: Any) -> Any:
        if Path(path).name == "walled":
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), path)
        return super().ls(path, detail=detail, **kwargs)


def test_a_store_of_fsspec_lists_all_or_fails(tmp_path: Path) -> None:
    fsspec.register_implementation("walled", Walled, clobber=True)
    store = FsspecStore.open(f"walled://{tmp_path}/store")
    assert list(store.list("v1/")) == []
    store.put("v1/open/x", b"x")
    store.put("v1/walled/x", b"x")
    assert [item.name for item in store.list("v1/open/")] == ["v1/open/x"]
    with pytest.raises(OSError, match="Permission denied"):
        list(store.list("v1/"))


def test_what_others_write_meanwhile_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is listed, then somebody stores a result and removes another, then the index is read."""
    listed = FolderStore.list
    with open_cache(tmp_path) as cache, open_cache(tmp_path) as other:
        assert isinstance(cache.put("before", {"out": b"before"}), Stored)
        turn = 0

        def slowly(self: FolderStore, prefix: str) -> Iterator[StoredObject]:
            nonlocal turn
            yield from list(listed(self, prefix))
            if prefix == "v1/default/":
                turn += 1
                assert isinstance(other.put(f"key-{turn}", {"out": b"%d" % turn}), Stored)
                assert other.remove("before") == (turn == 1)

        monkeypatch.setattr(FolderStore, "list", slowly)
        report = cache.verify()
        assert report.ok, report
        assert turn > 0


def test_what_is_really_wrong_is_still_found(tmp_path: Path) -> None:
    with open_cache(tmp_path) as cache:
        assert isinstance(cache.put("key", {"out": b"content"}), Stored)
        stray = tmp_path / "v1/default/blobs/00" / ("0" * 64)
        stray.parent.mkdir()
        stray.write_bytes(b"stray")
        (manifest,) = (tmp_path / "v1/default/entries").glob("*/*.json")
        manifest.unlink()
        report = cache.verify()
        assert report.orphans == (f"blobs/00/{'0' * 64}",)
        assert report.unknown == (manifest.relative_to(tmp_path / "v1/default").as_posix(),)


def _is_whole(cache: ArtifactCache) -> None:
    hit = cache.get("key")
    assert hit is not None
    with hit:
        assert hit.read("out") == b"content"
