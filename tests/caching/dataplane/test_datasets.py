"""Data from outside: one key a version, fetched once, and never taken for another version."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from couler_plugins.caching.artifacts import ArtifactCache, open_cache
from couler_plugins.caching.dataplane.datasets import Dataset, shown_url
from couler_plugins.caching.dataplane.downloads import fetch
from couler_plugins.errors import EngineError, InvalidInput
from support import ROOT

CONTENT = b"1,2\n" * 500_000


class Server(ThreadingHTTPServer):
    """One file, its etag, and who has asked for it."""

    content = CONTENT
    etag = '"abc"'
    asked: ClassVar[list[str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/data.csv"

    @property
    def fetched(self) -> int:
        return self.asked.count("GET")


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        self.send_response(200)
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()

    def do_GET(self) -> None:
        self.server.asked.append("GET")
        self.do_HEAD()
        self.wfile.write(self.server.content)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    pytest.importorskip("aiohttp")
    Server.asked.clear()
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def opening(folder: Path) -> contextlib.AbstractContextManager[ArtifactCache]:
    return contextlib.closing(open_cache(str(folder / "store")))


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


@pytest.mark.parametrize("etag", ["abc", '"abc"', 'W/"abc"'])
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


def test_what_changes_while_it_is_read_is_not_kept(server: Server, tmp_path: Path) -> None:
    get = Handler.do_GET

    def changing(self: Handler) -> None:
        get(self)
        self.server.etag = '"new"'

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Handler, "do_GET", changing)
        with pytest.raises(EngineError, match="is not what was declared"):
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


SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_the_key_is_that_of_the_version_and_not_of_who_may_read_it() -> None:
    def key(url: str = "s3://b/x", **more: str) -> str:
        return Dataset(url=url, **more).key

    assert (
        len({key(version="1"), key(version="2"), key(etag="1"), key("s3://b/y", version="1"), key(sha256=SHA256)}) == 5
    )
    assert key("https://h/x", sha256=SHA256) == key("s3://b/y", sha256=SHA256)
    assert key("https://u:p@h/x", version="1") == key("https://h/x", version="1")
    signed = "https://h/x?versionId=3&X-Amz-Signature=s&X-Amz-Credential=c"
    assert key(signed, version="1") == key("https://h/x?versionId=3", version="1")
    assert key("https://h/x?versionId=3", version="1") != key("https://h/x?versionId=4", version="1")
    assert key(etag='W/"1"') == key(etag="1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("abfss://sales@account.dfs.core.windows.net/x.csv", "abfss://hr@account.dfs.core.windows.net/x.csv"),
        ("github://org:one@main/x.csv", "github://org:two@main/x.csv"),
        ("git://one:main@x.csv", "git://two:main@x.csv"),
        ("https://h/x?name=M%FCller", "https://h/x?name=M%F6ller"),
        ("https://h/x?b", "https://h/x?b="),
        ("s3://b/x?x-amz-1", "s3://b/x"),
        ("s3://b/x#", "s3://b/x"),
        ("s3://b/x\ty", "s3://b/xy"),
        ("relative.csv", "/relative.csv"),
    ],
)
def test_what_is_not_at_the_same_place_has_another_key(one: str, other: str) -> None:
    assert Dataset(url=one, version="1").key != Dataset(url=other, version="1").key


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
    ("url", "shown"),
    [
        ("https://user:secret@h/x?token=secret#y", "https://h/x?…"),
        ("abfss://sales@account/x", "abfss://sales@account/x"),
        ("github://org:secret@main/x", "github://org:…@main/x"),
        ("http://[x", "http://[x"),
        ("s3://AKIA:se/cret@bucket/x", "s3://bucket/x"),
        ("a path", "a path"),
    ],
)
def test_people_see_where_it_is_and_no_secret(url: str, shown: str) -> None:
    assert shown_url(url) == shown


@pytest.mark.parametrize(
    "url", ["http://[x", "data:,x", "reference://", "jupyter://x", "dir://x", "git://x", "zip://x", "arrow_hdfs://x"]
)
def test_what_cannot_be_understood_is_an_error_and_no_traceback(url: str, tmp_path: Path) -> None:
    with pytest.raises((InvalidInput, EngineError)):
        fetch(Dataset(url=url, version="1"), tmp_path / "x", opening(tmp_path))


def test_a_server_that_refuses_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot be read: Connection refused"):
        fetch(Dataset(url="ftp://127.0.0.1:9/x", version="1"), tmp_path / "x", opening(tmp_path))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"version": "1", "etag": "2"},
        {"sha256": "abc"},
        {"sha256": SHA256.upper()},
        {"version": "1", "url": ""},
        {"version": "1", "url": "zip://x::s3://b/y"},
    ],
)
def test_what_names_no_version_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        Dataset(**{"url": "s3://b/x", **wrong})


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
