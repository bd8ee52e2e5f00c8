"""Names that lead out of the store, in calls and in the store itself: nothing outside is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from caching.artifacts.planting import CONTENT, files_in, served, stored
from couler_plugins.caching.artifacts import ArtifactCache, Meta, Stored, open_cache
from couler_plugins.errors import InvalidInput

NAMES = [
    "../escape",
    "..",
    ".",
    "",
    "/etc/passwd",
    "a/../../b",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "~root",
    "%2e%2e%2fescape",
    "C:\\windows",
    "－ｗｉｄｅ",
    "a" * 5_000,
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_lead_elsewhere_are_refused(cache: ArtifactCache, tmp_path: Path, name: str) -> None:
    before = files_in(tmp_path)
    with pytest.raises(InvalidInput):
        cache.put(name, {"out": b"x"})
    with pytest.raises(InvalidInput):
        cache.put("key", {name: b"x"})
    for call in (cache.get, cache.lookup, cache.remove, cache.unpin):
        with pytest.raises(InvalidInput):
            call(name)
    with pytest.raises(InvalidInput):
        cache.put("key", {"out": b"x"}, Meta(parents=(name,)))
    with pytest.raises(InvalidInput):
        open_cache(str(tmp_path / "store"), namespace=name)
    assert {path for path in files_in(tmp_path) - before if not path.startswith("store/index.sqlite")} == set()
    assert cache.lookup("key") is None


def test_what_is_in_metadata_is_only_text(cache: ArtifactCache, tmp_path: Path) -> None:
    evil = "../../etc/passwd\n\x1b[31m$(rm -rf /){{inputs}}"
    meta = Meta(family=evil, step=evil, type=evil, spec=evil, run=evil, made_by=evil)
    assert isinstance(cache.put("key", {"out": b"x"}, meta), Stored)
    assert all(path.startswith(("store/v1/mine/", "store/v1/index.json", "store/index")) for path in files_in(tmp_path))


def test_an_attackers_names_in_the_store_are_passed_over(cache: ArtifactCache, store: Path) -> None:
    stored(cache, store)
    for name in ("entries/zz/$(reboot).json", "entries/ab/..json", "blobs/zz/x y", "blobs/ab/\u202eevil", "entries/x"):
        path = store / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    assert served(cache) == CONTENT
    cache.verify()
    cache.verify(repair=True)
    cache.rebuild()
    assert served(cache) == CONTENT
