"""Outputs that are put back: those that are not as they were kept, all of them or none, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from couler_plugins.caching.artifacts import ArtifactCache, Hit, Lost, Stored, open_cache
from couler_plugins.caching.dataplane.kept_outputs import KeptOutput, kept_outputs, named_contents, put_back
from couler_plugins.caching.dataplane.placing import Placement
from couler_plugins.errors import InvalidInput

KEY = "k"


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ArtifactCache]:
    with open_cache(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def places(tmp_path: Path) -> list[Path]:
    """A file and a folder."""
    (tmp_path / "out" / "folder" / "in").mkdir(parents=True)
    (tmp_path / "out" / "file").write_text("file")
    (tmp_path / "out" / "folder" / "in" / "a").write_text("a")
    (tmp_path / "out" / "folder" / "link").symlink_to("in/a")
    (tmp_path / "out" / "folder").chmod(0o710)
    return [tmp_path / "out" / "file", tmp_path / "out" / "folder"]


@pytest.fixture
def kept(cache: ArtifactCache, places: list[Path]) -> tuple[KeptOutput, ...]:
    stored = cache.put(KEY, named_contents(places))
    assert isinstance(stored, Stored)
    return kept_outputs(stored.entry, places)


@pytest.fixture
def fetch(cache: ArtifactCache) -> Callable[[Callable[[Hit], None], Placement], None]:
    def fetch(write: Callable[[Hit], None], placement: Placement) -> None:
        hit = cache.get(KEY)
        assert hit is not None
        with hit:
            write(hit)

    return fetch


Fetch = Callable[[Callable[[Hit], None], Placement], None]
Kept = tuple[KeptOutput, ...]


def refuse(write: Callable[[Hit], None], placement: Placement) -> None:
    raise AssertionError("nothing has to be fetched")


def test_what_is_in_place_is_not_fetched(places: list[Path], kept: Kept) -> None:
    assert put_back(kept, places, refuse) == []


def test_only_what_is_another_is_put_back(places: list[Path], kept: Kept, fetch: Fetch) -> None:
    file, folder = places
    before = file.stat()
    (folder / "in" / "a").write_text("b")
    (folder / "link").unlink()
    assert put_back(kept, places, fetch) == [folder]
    assert (file.stat(), (folder / "link").read_text(), folder.stat().st_mode & 0o777) == (before, "a", 0o710)
    assert put_back(kept, places, refuse) == []


def test_folders_on_the_way_are_made(places: list[Path], kept: Kept, fetch: Fetch) -> None:
    moved = [place.parent.parent / "else" / "where" / place.name for place in places]
    assert put_back(kept, moved, fetch) == moved
    assert sorted(path.name for path in moved[0].parent.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize("spoil", [lambda path: os.mkfifo(path / "p"), lambda path: (path / "new").touch()])
def test_all_or_none(places: list[Path], kept: Kept, fetch: Fetch, spoil: Callable[[Path], None]) -> None:
    file, folder = places
    file.write_text("other")
    (folder / "in" / "a").write_text("other")
    spoil(folder)
    with pytest.raises(InvalidInput):
        put_back(kept, places, fetch)
    assert (file.read_text(), (folder / "in" / "a").read_text()) == ("other", "other")
    assert {path.name for path in file.parent.iterdir()} == {"file", "folder"}


def test_another_content_under_the_key_is_not_taken(places: list[Path], kept: Kept, fetch: Fetch) -> None:
    places[0].unlink()
    other = KeptOutput(kept[0].codec, kept[0].mode, "0" * 64)
    with pytest.raises(Lost, match="was kept with another content"):
        put_back((other, kept[1]), places, fetch)
    assert not places[0].exists()


@pytest.mark.parametrize("what", ["link", "folder"])
def test_what_is_of_another_kind_is_left(places: list[Path], kept: Kept, what: str) -> None:
    file = places[0]
    file.unlink()
    file.symlink_to("/etc/passwd") if what == "link" else file.mkdir()
    with pytest.raises(InvalidInput, match=f"{file} is no regular file"):
        put_back(kept, places, refuse)
