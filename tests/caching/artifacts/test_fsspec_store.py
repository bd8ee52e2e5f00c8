"""What the store at any fsspec URL adds to what the file systems do."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

from couler_plugins.caching.artifacts.fsspec_store import FsspecStore
from servers.s3 import s3_url

pytestmark = pytest.mark.sampled

NAME = "v1/default/blobs/ab/abcdef"


class Piecewise(LocalFileSystem):  # type: ignore[misc]  # fsspec comes without types
    """A file system that writes the object itself, piece by piece, as SFTP does; somebody looks between the pieces."""

    protocol = "piecewise"
    looked: Callable[[], None] = staticmethod(lambda: None)

    def put_file(self, lpath: str, rpath: str, *args: Any, **kwargs: Any) -> None:
        self.pipe_file(rpath, Path(lpath).read_bytes())

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        with Path(self._strip_protocol(path)).open("xb" if mode == "create" else "wb", buffering=0) as file:
            for byte in range(len(value)):
                file.write(value[byte : byte + 1])
                type(self).looked()


@pytest.fixture
def piecewise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FsspecStore]:
    fsspec.register_implementation("piecewise", Piecewise, clobber=True)
    store = FsspecStore.open(f"piecewise://{tmp_path}/store")
    yield store
    monkeypatch.undo()


@pytest.mark.parametrize("kind", ["bytes", "file"])
@pytest.mark.parametrize("before", [None, b"old content"])
def test_an_object_is_seen_when_it_is_whole(
    piecewise: FsspecStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, before: bytes | None
) -> None:
    content = b"new content, which is longer"
    if before is not None:
        piecewise.put(NAME, before)
    seen: set[bytes | None] = set()

    def look() -> None:
        try:
            with piecewise.read(NAME) as stream:
                seen.add(stream.read())
        except FileNotFoundError:
            seen.add(None)

    monkeypatch.setattr(Piecewise, "looked", staticmethod(look))
    source = tmp_path / "source"
    source.write_bytes(content)
    assert piecewise.put(NAME, source if kind == "file" else content)
    assert seen == {before}
    with piecewise.read(NAME) as stream:
        assert stream.read() == content
    assert [item.name for item in piecewise.list("")] == [NAME], "nothing is left aside"


def test_an_upload_that_fails_leaves_what_was_there(piecewise: FsspecStore, monkeypatch: pytest.MonkeyPatch) -> None:
    piecewise.put(NAME, b"old")

    def fail() -> None:
        raise OSError("the line is dead")

    monkeypatch.setattr(Piecewise, "looked", staticmethod(fail))
    with pytest.raises(OSError, match="the line is dead"):
        piecewise.put(NAME, b"new")
    with piecewise.read(NAME) as stream:
        assert stream.read() == b"old"
    assert [item.name for item in piecewise.list("")] == [NAME]


def test_a_file_in_memory_is_never_seen_in_part(tmp_path: Path) -> None:
    """The memory of fsspec shows a file that is uploaded from its first byte on."""
    store = FsspecStore.open(f"memory://{uuid.uuid4().hex}")
    source = tmp_path / "source"
    source.write_bytes(b"x" * 100)
    store.put(NAME, source)
    sizes = set()
    opened = store._files.open

    def watched(*args: Any, **kwargs: Any) -> Any:
        stream = opened(*args, **kwargs)
        sizes.add(store._files.size(store._path(NAME)))
        return stream

    store._files.open = watched
    try:
        store.put(NAME, source)
    finally:
        del store._files.open
    assert sizes <= {100}


@pytest.mark.slow
def test_uploads_to_s3_hold_few_parts_in_memory(s3: str) -> None:
    assert FsspecStore.open(s3_url(s3))._files.max_concurrency == 2


@pytest.mark.parametrize("change", ["replaced", "made", "removed"])
def test_what_another_changes_in_s3_is_seen_after_a_listing(s3: str, change: str) -> None:
    url = s3_url(s3)
    store, other = FsspecStore.open(url), FsspecStore.open(url)
    store.put(f"{NAME}-beside", b"x")
    if change != "made":
        store.put(NAME, b"old")
    assert list(store.list("v1/"))
    if change == "removed":
        other.delete(NAME)
        with pytest.raises(FileNotFoundError):
            store.read(NAME)
        return
    other.put(NAME, b"new content")
    with store.read(NAME) as stream:
        assert stream.read() == b"new content"


@pytest.mark.parametrize("kind", ["bytes", "file"])
def test_an_s3_without_conditions_is_uploaded_to_in_parts(s3: str, tmp_path: Path, kind: str) -> None:
    """Such a one may show half of what is put at once: Alluxio does, and `test_alluxio` watches it."""
    store = FsspecStore.open(s3_url(s3))
    store.conditional = False
    source = tmp_path / "source"
    for content in (b"content", b""):
        source.write_bytes(content)
        assert store.put(NAME, source if kind == "file" else content)
        with store.read(NAME) as stream:
            assert stream.read() == content
        assert ("-1" in store._files.info(store._path(NAME))["ETag"]) == bool(content), "of one part"


def test_an_upload_in_parts_that_fails_leaves_nothing(s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FsspecStore.open(s3_url(s3))
    store.conditional = False
    store.put(NAME, b"old")
    call = store._files.call_s3

    def fail(method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "complete_multipart_upload":
            raise OSError("the line is dead")
        return call(method, *args, **kwargs)

    monkeypatch.setattr(store._files, "call_s3", fail)
    with pytest.raises(OSError, match="the line is dead"):
        store.put(NAME, b"new")
    with store.read(NAME) as stream:
        assert stream.read() == b"old"
    bucket = store._root.partition("/")[0]
    assert "Uploads" not in call("list_multipart_uploads", Bucket=bucket)
