"""Where a store is: which texts are folders, which are URLs, and which are refused because they could be either."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from couler_plugins.caching.artifacts import Stored, open_cache
from couler_plugins.caching.artifacts.stores import checked_place, folder_of, open_store
from couler_plugins.errors import InvalidInput


@pytest.mark.parametrize(
    ("place", "hint"),
    [
        ("file://data/cache", "file:///"),
        ("FILE://data/cache", "file:///"),
        ("local://data/cache", "local:///"),
        ("s3:b/x", "s3://"),
        ("s3:/b/x", "s3://"),
        ("file:/data/cache", "file://"),
        ("memory:x", "memory://"),
        ("a.b+c-d:e", "a.b+c-d://"),
        ("file:///data/a?b", "%3F"),
        ("file:///data/a#b", "%23"),
        ("", "folder"),
        ("a\0b", "folder"),
    ],
)
def test_what_could_be_either_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, hint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for call in (open_cache, open_store):
        with pytest.raises(InvalidInput) as caught:
            call(place)
        assert hint in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["http://[x", "s3://[x/y", "alluxio://[x/y", "nothing-serves-this://x"])
def test_a_url_that_is_none_is_bad_input(place: str) -> None:
    with pytest.raises(InvalidInput):
        open_store(place)


@pytest.mark.parametrize("place", ["{folder}/cache", "file://{folder}/cache", "FILE://localhost{folder}/cache"])
def test_a_folder_spelled_in_several_ways_is_one(tmp_path: Path, place: str) -> None:
    with open_cache(tmp_path / "cache") as cache:
        assert isinstance(cache.put("key", {"out": b"x"}), Stored)
    with open_cache(place.format(folder=tmp_path)) as cache:
        assert cache.lookup("key") is not None
        assert cache.stats().index == "sqlite"


def test_schemes_are_told_without_regard_to_case() -> None:
    name = uuid.uuid4().hex
    with open_cache(f"memory://{name}") as cache:
        assert isinstance(cache.put("key", {"out": b"x"}), Stored)
    with open_cache(f"MEMory://{name}") as cache:
        assert cache.lookup("key") is not None
    assert checked_place("S3://Bucket/Prefix") == "s3://Bucket/Prefix"


def test_a_path_is_a_folder_whatever_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with open_cache(Path("s3:b")) as cache:
        assert isinstance(cache.put("key", {"out": b"x"}), Stored)
    assert (tmp_path / "s3:b" / "index.sqlite").exists()
    with open_cache("./s3:b") as cache:
        assert cache.lookup("key") is not None


def test_percent_signs_in_a_url_are_read_and_in_a_path_are_not(tmp_path: Path) -> None:
    assert folder_of(checked_place("file:///a%3Fb")) == Path("/a?b")
    assert folder_of(checked_place("/a%3Fb")) == Path("/a%3Fb")


@pytest.mark.parametrize("index", ["sqlite://data/index.sqlite", "sqlite://", "sqlite:///", "sqlite:///x?mode=ro"])
def test_an_index_that_names_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidInput):
        open_cache(tmp_path / "store", index=index)
    assert not list(tmp_path.glob("**/*sqlite*"))
