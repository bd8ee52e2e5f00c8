"""Stores on a real Alluxio 2.9, whose files are written once: what its S3 interface gives, and what our stores add."""

from __future__ import annotations

import random
import secrets
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from couler_plugins.caching.artifacts import Stored, open_cache
from couler_plugins.caching.artifacts.fsspec_store import FsspecStore
from couler_plugins.errors import EngineError
from servers.alluxio_cluster import Alluxio
from servers.processes import when_stopped

pytestmark = pytest.mark.cluster_long

NAME = "v1/default/entries/ab/abcdef.json"
SIZE = 3 << 20


def read(store: FsspecStore, name: str = NAME) -> bytes:
    with store.read(name) as stream:
        return stream.read()


@pytest.mark.parametrize("kind", ["bytes", "file"])
def test_a_reader_sees_the_old_object_or_the_new_one(alluxio_proxy: Alluxio, tmp_path: Path, kind: str) -> None:
    url = alluxio_proxy.url()
    store = FsspecStore.open(url)
    store.put(NAME, b"0" * SIZE)
    seen: Counter[str] = Counter()
    over = threading.Event()

    def look() -> None:
        mine = FsspecStore.open(url)
        while not over.is_set():
            try:
                content = read(mine)
                seen["whole" if len(content) == SIZE and len(set(content)) == 1 else f"{len(content)} bytes"] += 1
            except OSError as error:
                seen[str(error)] += 1

    reader = threading.Thread(target=look)
    reader.start()
    source = tmp_path / "source"
    while seen.total() < 40:
        content = secrets.token_bytes(1) * SIZE
        source.write_bytes(content)
        store.put(NAME, source if kind == "file" else content)
    over.set()
    reader.join()
    assert set(seen) == {"whole"}, seen


WRITER = """
import sys
from couler_plugins.caching.artifacts.fsspec_store import FsspecStore
store = FsspecStore.open(sys.argv[1])
print(flush=True)
while True:
    for letter in b"abcdefgh":
        store.put(sys.argv[2], bytes([letter]) * int(sys.argv[3]))
"""


def test_a_writer_that_is_killed_leaves_a_whole_object(alluxio_proxy: Alluxio) -> None:
    url = alluxio_proxy.url()
    store = FsspecStore.open(url)
    draw = random.Random(1)
    for _ in range(8):
        store.put(NAME, b"0" * SIZE)
        command = [sys.executable, "-c", WRITER, url, NAME, str(SIZE)]
        with when_stopped(subprocess.Popen(command, stdout=subprocess.PIPE)) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(draw.uniform(0.1, 1.5))
            writer.kill()
            writer.stdout.close()
        content = read(store)
        assert (len(content), len(set(content))) == (SIZE, 1)


def test_all_objects_are_listed_and_folders_are_none(alluxio_proxy: Alluxio) -> None:
    url = alluxio_proxy.url()
    store, files = FsspecStore.open(url), alluxio_proxy.files()
    names = {f"v1/x/{number % 7}/{number}" for number in range(1100)}  # S3 lists 1,000 at a time
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda name: files.pipe_file(f"{store._root}/{name}", b"12"), names))
    assert {(item.name, item.bytes) for item in store.list("v1/")} == {(name, 2) for name in names}
    one = {name for name in names if name.startswith("v1/x/3/")}
    assert {item.name for item in store.list("v1/x/3/")} == one
    assert all(abs(time.time() - (item.modified or 0)) < 3600 for item in store.list("v1/x/3/"))
    for name in one:
        store.delete(name)
    store.delete("v1/x/3/none")
    assert list(store.list("v1/x/3/")) == []
    assert list(store.list("v1/none/")) == []


def test_ranges_of_an_object_in_parts_are_read(alluxio_proxy: Alluxio, tmp_path: Path) -> None:
    store = FsspecStore.open(alluxio_proxy.url())
    content = random.Random(2).randbytes(120_000_001)
    source = tmp_path / "source"
    source.write_bytes(content)
    store.put(NAME, source)
    with store.read(NAME) as stream:
        for start in (0, 49_999_990, 50 << 20, 119_999_990):
            stream.seek(start)
            assert stream.read(20) == content[start : start + 20]
    assert read(store) == content
    store.put(NAME, b"")
    assert read(store) == b""


def test_its_s3_interface_takes_no_conditions(alluxio_proxy: Alluxio) -> None:
    store = FsspecStore.open(alluxio_proxy.url())
    assert not store.conditional
    assert store.put(NAME, b"1", replace=False)
    assert not store.put(NAME, b"2", replace=False)
    assert read(store) == b"1"
    assert [item.name for item in store.list("")] == [NAME]


@pytest.mark.parametrize("who", ["worker", "proxy"])
def test_alluxiofs_reaches_neither_its_worker_nor_its_proxy(
    alluxio_proxy: Alluxio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    monkeypatch.chdir(tmp_path)  # alluxiofs makes a folder `logs` in the current one
    with pytest.raises(EngineError, match="404"):
        open_cache(f"alluxio://{getattr(alluxio_proxy, who)}{tmp_path}/cache")


def test_what_a_killed_upload_leaves_is_not_served_and_goes_with_unneeded_blobs(alluxio_proxy: Alluxio) -> None:
    url, files = alluxio_proxy.url(), alluxio_proxy.files()
    ahead = 10.0
    store = FsspecStore.open(url)
    with open_cache(url, clock=lambda: time.time() + ahead, grace_seconds=60) as cache:
        assert isinstance(cache.put("key", {"out": b"x" * 100}), Stored)
        whole = {item.name for item in store.list("")}
        for name in whole:
            bucket, _, key = store._path(name).partition("/")
            upload = files.call_s3("create_multipart_upload", Bucket=bucket, Key=key)["UploadId"]
            files.call_s3("upload_part", Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=read(store, name))
        left = {item.name for item in store.list("")} - whole
        assert len(left) == len(whole), "Alluxio lists parts"
        assert [entry.key for entry in cache.entries()] == ["key"]
        for _ in range(2):
            cache.evict(10_000)
            ahead += 61
        gone = left - {item.name for item in store.list("")}
        assert gone == {name for name in left if "/blobs/" in name}
        hit = cache.get("key")
        assert hit is not None
        with hit:
            assert hit.read("out") == b"x" * 100
        assert cache.verify().ok
