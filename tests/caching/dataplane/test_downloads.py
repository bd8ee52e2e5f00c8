"""Fetching data from outside: once, whole, and never another version than the one that was asked for."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from caching.dataplane.fetching import opening
from couler_plugins.caching.artifacts import ArtifactCache, Content
from couler_plugins.caching.dataplane.datasets import Dataset
from couler_plugins.caching.dataplane.downloads import download, fetch
from couler_plugins.errors import EngineError, InvalidInput
from servers.web import CONTENT, Server
from support import ROOT, first_of

pytestmark = pytest.mark.sampled

SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_it_is_fetched_once(server: Server, tmp_path: Path) -> None:
    dataset = Dataset(url=server.url, version="3")
    for name in ("one", "two"):
        fetch(dataset, tmp_path / name, opening(tmp_path))
        assert (tmp_path / name).read_bytes() == CONTENT
    assert server.fetched == 1


def test_another_version_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    fetch(Dataset(url=server.url, version="3"), tmp_path / "x", opening(tmp_path))
    server.content = b"new"
    fetch(Dataset(url=server.url, version="4"), tmp_path / "x", opening(tmp_path))
    assert (tmp_path / "x").read_bytes() == b"new"
    fetch(Dataset(url=server.url, version="3"), tmp_path / "x", opening(tmp_path))
    assert (tmp_path / "x").read_bytes() == CONTENT


@pytest.mark.parametrize("etag", first_of(["abc", '"abc"', 'W/"abc"']))
def test_an_etag_is_compared(server: Server, tmp_path: Path, etag: str) -> None:
    fetch(Dataset(url=server.url, etag=etag), tmp_path / "x", opening(tmp_path))
    assert (tmp_path / "x").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"etag": "abd"}, "is not what was declared"),
        ({"sha256": "0" * 64}, "is not what was declared"),
    ],
)
def test_what_is_not_as_declared_is_an_error_and_is_not_kept(
    server: Server, tmp_path: Path, declared: dict[str, str], message: str
) -> None:
    dataset = Dataset(url=server.url, **declared)
    for _ in range(2):
        with pytest.raises(EngineError, match=message):
            fetch(dataset, tmp_path / "x", opening(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["store"]
    with opening(tmp_path) as cache:
        assert cache.entries() == []


def test_a_server_without_etags_says_so(server: Server, tmp_path: Path) -> None:
    server.etag = ""
    with pytest.raises(EngineError, match="has no etag"):
        fetch(Dataset(url=server.url, etag="abc"), tmp_path / "x", opening(tmp_path))


def test_a_folder_is_one_version_of_a_table(tmp_path: Path) -> None:
    table = tmp_path / "table"
    (table / "part=1").mkdir(parents=True)
    (table / "part=1" / "a").write_bytes(b"a")
    (table / "b").write_bytes(b"b")
    dataset = Dataset(url=str(table), version="7")
    fetch(dataset, tmp_path / "one", opening(tmp_path))
    (table / "b").write_bytes(b"changed")
    fetch(dataset, tmp_path / "two", opening(tmp_path))
    for name in ("one", "two"):
        assert (tmp_path / name / "part=1" / "a").read_bytes() == b"a"
        assert (tmp_path / name / "b").read_bytes() == b"b"


def test_a_folder_has_neither_an_etag_nor_a_sha256(tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    with pytest.raises(EngineError, match="is a folder"):
        fetch(Dataset(url=str(tmp_path / "table"), sha256=SHA256), tmp_path / "x", opening(tmp_path))


@pytest.mark.slow
def test_many_that_want_the_same_fetch_it_once(server: Server, tmp_path: Path) -> None:
    code = "from couler_plugins.cli import main; main()"
    command = [
        sys.executable,
        "-c",
        code,
        "cache",
        "fetch",
        server.url,
        "--version",
        "1",
        "--store",
        str(tmp_path / "s"),
    ]
    processes = [
        subprocess.Popen([*command, "-o", str(tmp_path / f"x{number}")], cwd=ROOT, env={"COULER_LOAD_PLUGINS": ""})
        for number in range(3)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    assert server.fetched == 1
    assert {(tmp_path / f"x{number}").read_bytes() for number in range(3)} == {CONTENT}


def test_a_full_disk_is_not_the_servers_fault(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", lambda *_: Full())
    with pytest.raises(OSError, match="No space left"):
        download(Dataset(url=server.url, version="1"), tmp_path / "x")


def test_without_a_cache_it_comes_from_where_it_is(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Away(contextlib.AbstractContextManager[ArtifactCache]):
        def __enter__(self) -> ArtifactCache:
            raise EngineError("the store is away")

        def __exit__(self, *error: object) -> None:
            raise AssertionError("it was never opened")

    fetch(Dataset(url=server.url, version="3"), tmp_path / "x", Away())
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert "the store is away" in caplog.text


def test_what_cannot_be_read_is_an_error_without_secrets(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp")
    url = "http://user:geheim@127.0.0.1:9/data.csv?token=geheim"
    with pytest.raises(EngineError, match=r"http://127\.0\.0\.1:9/data\.csv\?… cannot be read") as error:
        fetch(Dataset(url=url, version="3"), tmp_path / "x", opening(tmp_path))
    assert "geheim" not in str(error.value)
    with pytest.raises(EngineError, match="there is nothing at"):
        fetch(Dataset(url=str(tmp_path / "missing"), version="3"), tmp_path / "x", opening(tmp_path))


def test_a_path_is_that_of_the_folder_in_which_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "data.csv").write_text(name)
        monkeypatch.chdir(tmp_path / name)
        for url in ("data.csv", "file://data.csv", str(tmp_path / name / "data.csv")):
            fetch(Dataset(url=url, version="1"), tmp_path / "x", opening(tmp_path))
            assert (tmp_path / "x").read_text() == name
    with opening(tmp_path) as cache:
        assert len(cache.entries()) == 2


@pytest.mark.parametrize(
    "url", ["http://[x", "data:,x", "reference://", "jupyter://x", "dir://x", "git://x", "zip://x", "arrow_hdfs://x"]
)
def test_what_cannot_be_understood_is_an_error_and_no_traceback(url: str, tmp_path: Path) -> None:
    with pytest.raises((InvalidInput, EngineError)):
        fetch(Dataset(url=url, version="1"), tmp_path / "x", opening(tmp_path))


def test_a_server_that_refuses_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be read: Connection refused"):
        fetch(Dataset(url="ftp://127.0.0.1:9/x", version="1"), tmp_path / "x", opening(tmp_path))


def test_an_unknown_scheme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not a URL that fsspec understands"):
        fetch(Dataset(url="nothing://b/x", version="1"), tmp_path / "x", opening(tmp_path))


def test_what_others_write_to_its_place_is_not_kept(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = ArtifactCache.put

    def late(cache: ArtifactCache, *given: Any) -> object:
        (tmp_path / "x").write_bytes(b"of another")
        return put(cache, *given)

    monkeypatch.setattr(ArtifactCache, "put", late)
    for _ in range(2):
        fetch(Dataset(url=server.url, sha256=SHA256), tmp_path / "x", opening(tmp_path))
        assert (tmp_path / "x").read_bytes() == CONTENT
    assert server.fetched == 1


def test_what_others_have_put_under_its_key_is_not_taken_for_it(server: Server, tmp_path: Path) -> None:
    dataset = Dataset(url=server.url, sha256=SHA256)
    with opening(tmp_path) as cache:
        cache.put(dataset.key, {"data": Content(b"of another", codec="file")})
    for name in ("x", "y"):
        fetch(dataset, tmp_path / name, opening(tmp_path))
        assert (tmp_path / name).read_bytes() == CONTENT
    assert server.fetched == 1


def test_a_name_that_is_no_text_is_one_as_well(tmp_path: Path) -> None:
    source = tmp_path / os.fsdecode(b"na\xffme")
    source.write_bytes(CONTENT)
    dataset = Dataset(url=str(source), version="1")
    fetch(dataset, tmp_path / "x", opening(tmp_path))
    source.unlink()
    fetch(dataset, tmp_path / "y", opening(tmp_path))
    assert (tmp_path / "y").read_bytes() == CONTENT
