"""What is at places of steps: listings by digests, in memory, in folders and in a real S3."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest

from couler_plugins.caching.artifacts import ArtifactCache, Entry, Meta, open_cache
from couler_plugins.caching.dataplane import places
from couler_plugins.caching.dataplane.origins import Found
from couler_plugins.caching.dataplane.outputs import restore, save
from couler_plugins.caching.dataplane.places import Places, UnreadPlace
from couler_plugins.errors import InvalidInput
from servers.s3 import KEY, SECRET, s3_bucket, s3_files, s3_server
from servers.web import web_server

pytestmark = pytest.mark.sampled

RESULT = "a" * 64
Tamper = Callable[["Somewhere"], object]


class Somewhere:
    """A place with two objects, and what puts them there."""

    def __init__(self, files: Any, url: str, root: str) -> None:
        self.files, self.url, self.root = files, url, root
        self.put("x", b"1")
        self.put("y/z", b"22")

    def put(self, name: str, content: bytes) -> None:
        path = f"{self.root}/{name}"
        self.files.makedirs(path.rpartition("/")[0], exist_ok=True)
        self.files.pipe(path, content)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    pytest.importorskip("s3fs")
    with s3_server() as address:
        yield address


@pytest.fixture(params=["memory", "folder", pytest.param("s3", marks=pytest.mark.slow)])
def somewhere(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Somewhere:
    if request.param == "memory":
        root = f"/{uuid4().hex}"
        return Somewhere(fsspec.filesystem("memory"), f"memory:/{root}", root)
    if request.param == "folder":
        return Somewhere(fsspec.filesystem("file"), f"{tmp_path}/there", f"{tmp_path}/there")
    address = request.getfixturevalue("endpoint")
    for name, text in {"ACCESS_KEY_ID": KEY, "SECRET_ACCESS_KEY": SECRET, "ENDPOINT_URL": address}.items():
        monkeypatch.setenv(f"AWS_{name}", text)
    bucket = s3_bucket(address)
    return Somewhere(s3_files(address), f"s3://{bucket}/there", f"{bucket}/there")


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ArtifactCache]:
    with open_cache(str(tmp_path / "store")) as opened:
        yield opened


TAMPERINGS: dict[str, Tamper] = {
    "changed": lambda there: there.put("x", b"2"),
    "changed, of another size": lambda there: there.put("y/z", b"333"),
    "added": lambda there: there.put("y/w", b""),
    "removed": lambda there: there.files.rm(f"{there.root}/x"),
    "all removed": lambda there: there.files.rm(there.root, recursive=True),
    "moved": lambda there: there.files.mv(f"{there.root}/x", f"{there.root}/v"),
}


def kept(cache: ArtifactCache, at: Places) -> bool:
    return restore(cache, RESULT, {}, accepts=at.holds) is not None


@pytest.mark.parametrize("how", TAMPERINGS)
def test_a_hit_needs_what_the_run_has_left(somewhere: Somewhere, cache: ArtifactCache, how: str) -> None:
    at = Places([f"to=out={somewhere.url}"])
    assert not save(cache, RESULT, {}, Meta(), places=at)
    assert kept(cache, at)
    TAMPERINGS[how](somewhere)
    assert not kept(cache, at)


@pytest.mark.parametrize("how", TAMPERINGS)
def test_what_is_read_is_another_content(somewhere: Somewhere, how: str) -> None:
    at = Places([f"from=in={somewhere.url}"])
    before, same = at.contents(), Places([f"from=in={somewhere.url}"]).contents()
    assert before == same
    assert at.unwritten(before) == at.unwritten()
    TAMPERINGS[how](somewhere)
    if how == "all removed":
        with pytest.raises(UnreadPlace):
            at.contents()
    else:
        assert at.contents() != before
        assert at.unwritten() != at.unwritten(before)


def test_the_next_run_takes_the_place_of_a_result_that_does_not_fit(somewhere: Somewhere, cache: ArtifactCache) -> None:
    at = Places([f"to=out={somewhere.url}"])
    save(cache, RESULT, {}, Meta(run="first"), places=at)
    somewhere.put("x", b"2")
    save(cache, RESULT, {}, Meta(run="second"), places=at)
    assert kept(cache, at)
    save(cache, RESULT, {}, Meta(run="third"), places=at)
    (entry,) = cache.entries()
    assert entry.meta.run == "second"


def test_one_object_is_a_place(somewhere: Somewhere, cache: ArtifactCache) -> None:
    at = Places([f"to=out={somewhere.url}/x"])
    save(cache, RESULT, {}, Meta(), places=at)
    somewhere.put("y/z", b"another")
    assert kept(cache, at)
    somewhere.put("x", b"another")
    assert not kept(cache, at)


def test_what_is_read_and_written_is_read_once(somewhere: Somewhere) -> None:
    at = Places([f"at=in,out={somewhere.url}"])
    before = at.contents()
    somewhere.put("x", b"2")
    assert at.contents() == before
    assert Places([f"at=in,out={somewhere.url}"]).contents() != before
    assert at.unwritten() == ""


def test_nothing_is_written_at_a_place(somewhere: Somewhere, cache: ArtifactCache) -> None:
    before = somewhere.files.find(somewhere.root, detail=True)
    at = Places([f"at=in,out={somewhere.url}"])
    at.contents()
    save(cache, RESULT, {}, Meta(), places=at)
    assert kept(cache, at)
    assert somewhere.files.find(somewhere.root, detail=True) == before


def test_a_result_without_a_listing_does_not_fit(
    somewhere: Somewhere, cache: ArtifactCache, caplog: pytest.LogCaptureFixture
) -> None:
    save(cache, RESULT, {}, Meta())
    with caplog.at_level(logging.WARNING):
        assert not kept(cache, Places([f"to=out={somewhere.url}"]))
    assert "not what its run has left there" in caplog.text


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("memory://nowhere/to/be/seen", "there is nothing at memory://nowhere/to/be/seen"),
        ("/nowhere/to/be/seen", "neither a file nor a folder"),
        ("simplecache::memory://a", "this is a chain of URLs"),
        ("nonsense://a/b", "is not a URL that fsspec understands"),
    ],
)
def test_what_cannot_be_read_has_a_reason_and_is_not_kept(url: str, said: str, cache: ArtifactCache) -> None:
    at = Places([f"to=out={url}"])
    with pytest.raises(UnreadPlace, match=f"the place 'to': .*{said}"):
        save(cache, RESULT, {}, Meta(), places=at)
    save(cache, RESULT, {}, Meta())
    assert not kept(cache, at)


def test_the_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(UnreadPlace, match=r"what reads gs://a/b is not installed .*gcsfs"):
        Places(["to=out=gs://a/b"]).listed()


def test_secrets_of_a_url_are_not_told() -> None:
    with pytest.raises(UnreadPlace) as caught:
        Places(["to=out=ftp://me:hush@127.0.0.1:1/x?token=hush"]).listed()
    assert "hush" not in caught.value.message


@pytest.mark.parametrize("limit", ["MOST", "MOST_READ"])
def test_too_much_is_not_listed(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    there = Somewhere(fsspec.filesystem("memory"), "memory://limits", "/limits")
    monkeypatch.setattr(places, limit, 1)
    with pytest.raises(UnreadPlace, match="more than 1 "):
        Places([f"to=out={there.url}"]).listed()


@pytest.mark.parametrize("text", ["to", "to=out", "to=out=", "to=inn=memory://a", "=in=memory://a"])
def test_what_names_no_place_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no place"):
        Places([text])


def test_two_places_have_two_names() -> None:
    with pytest.raises(InvalidInput, match="named twice"):
        Places(["a=in=memory://a", "a=out=memory://b"])


@pytest.mark.parametrize(
    ("facts", "digest"),
    [
        ({"md5hash": "m", "etag": "e"}, "md5hash:m"),
        ({"etag": '"e"', "size": 1}, 'etag:"e"'),
        ({"etag": 'W/"e"'}, None),
        ({"mtime": 1.0, "crc32c": "c"}, None),
    ],
)
def test_only_what_tells_of_the_bytes_is_a_digest(facts: dict[str, Any], digest: str | None) -> None:
    assert places._digest(Found("x", "x", facts)) == digest


class TestInPods:
    """Beside a step, where its variables have names of their own."""

    def test_variables_are_those_of_the_step(self, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
        bucket = s3_bucket(endpoint)
        Somewhere(s3_files(endpoint), "", f"{bucket}/there")
        for name, text in {"ACCESS_KEY_ID": KEY, "SECRET_ACCESS_KEY": SECRET, "ENDPOINT_URL": endpoint}.items():
            monkeypatch.setenv(f"COULER_PLACE_AWS_{name}", text)
            monkeypatch.setenv(f"AWS_{name}", "http://127.0.0.1:1" if "URL" in name else "that of the store")
        monkeypatch.setitem(fsspec.config.conf, "s3", {"endpoint_url": "http://127.0.0.1:1"})
        assert Places([f"to=out=s3://{bucket}/there"], in_pod=True).listed()
        assert fsspec.config.conf["s3"] == {"endpoint_url": "http://127.0.0.1:1"}

    def test_a_path_is_only_that_of_the_step_on_a_volume(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "x").write_text("1")
        at = Places([f"to=out={tmp_path}/x"], in_pod=True)
        monkeypatch.setattr("os.path.ismount", lambda path: path == tmp_path)
        assert at.listed()
        monkeypatch.setattr("os.path.ismount", lambda path: path == Path("/"))
        with pytest.raises(UnreadPlace, match="no volume of the step is mounted there"):
            at.listed()

    def test_a_path_that_is_elsewhere_in_the_step_is_not_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        volume, outside = tmp_path / "volume", tmp_path / "outside"
        volume.mkdir()
        outside.write_text("1")
        (volume / "x").write_text("1")
        (volume / "link").symlink_to(outside)
        monkeypatch.setattr("os.path.ismount", lambda path: path == volume)
        monkeypatch.chdir(volume)
        monkeypatch.setenv("HOME", str(volume))
        assert Places([f"to=out=file://{volume}/../volume/x"], in_pod=True).listed()
        for url in ("x", "~/x", "file://x", f"{volume}/../outside", f"{volume}/link"):
            with pytest.raises(UnreadPlace, match="no volume of the step is mounted there"):
                Places([f"to=out={url}"], in_pod=True).listed()


class TestFoldersThatLookLikeFiles:
    """What is below them is not told, so nothing is."""

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_an_object_with_others_below_its_name(
        self, endpoint: str, monkeypatch: pytest.MonkeyPatch, slash: str
    ) -> None:
        for name, text in {"ACCESS_KEY_ID": KEY, "SECRET_ACCESS_KEY": SECRET, "ENDPOINT_URL": endpoint}.items():
            monkeypatch.setenv(f"AWS_{name}", text)
        bucket, files = s3_bucket(endpoint), s3_files(endpoint)
        files.pipe(f"{bucket}/table", b"")
        files.pipe(f"{bucket}/table-2/part", b"1")
        at = Places([f"from=in=s3://{bucket}/table{slash}"])
        assert at.contents()
        files.pipe(f"{bucket}/table/part", b"1")
        with pytest.raises(UnreadPlace, match="may be a folder as well as a file"):
            at.contents()

    def test_a_page_about_a_folder(self) -> None:
        with web_server() as server:
            assert Places([f"from=in={server.url}"]).contents()
            for url in (server.url.rpartition("/")[0], f"{server.url}/", f"{server.url}/?page=1"):
                with pytest.raises(UnreadPlace, match="may be a folder as well as a file"):
                    Places([f"from=in={url}"]).contents()


def test_what_has_no_size_is_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    there = Somewhere(fsspec.filesystem("memory"), "memory://sizes/x", "/sizes")
    monkeypatch.setattr(places, "MOST_READ", 0)
    monkeypatch.setattr("couler_plugins.caching.dataplane.origins._facts", lambda info: {})
    with pytest.raises(UnreadPlace, match="more than 0 bytes"):
        Places([f"to=out={there.url}"]).listed()


def test_no_places_fit_every_result(cache: ArtifactCache) -> None:
    save(cache, RESULT, {}, Meta())
    entry: Entry = next(iter(cache.entries()))
    assert Places([]).holds(entry)
    assert (Places([]).contents(), Places([]).listed(), Places([]).unwritten()) == ({}, {}, "")
