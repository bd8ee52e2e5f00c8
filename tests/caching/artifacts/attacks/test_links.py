"""Links, pipes and folders where blobs should be: none is followed, opened or waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from caching.artifacts.planting import CONTENT, OUTSIDE, file_outside, files_in, served, stored
from couler_plugins.caching.artifacts import ArtifactCache


def test_a_blob_that_is_a_link_is_not_followed(cache: ArtifactCache, store: Path, tmp_path: Path) -> None:
    blob, _ = stored(cache, store)
    outside = file_outside(tmp_path)
    outside.write_bytes(blob.read_bytes())  # the right content, so that only the link can give it away
    blob.unlink()
    blob.symlink_to(outside)
    assert served(cache) is None
    cache.verify(repair=True)
    assert outside.exists()


@pytest.mark.parametrize("part", ["blobs", "entries", "tmp", "."])
def test_a_folder_that_is_a_link_leads_nowhere(cache: ArtifactCache, store: Path, tmp_path: Path, part: str) -> None:
    """Neither reading, writing, evicting nor mending touches what is behind a link."""
    stored(cache, store)
    target = tmp_path / "victim"
    folder = (store / part).resolve()
    if folder.exists():
        folder.rename(target)
    else:
        target.mkdir()
    (target / "ab").mkdir(exist_ok=True)
    (target / "ab" / "precious").write_bytes(OUTSIDE)
    folder.symlink_to(target)
    before = {path: (target / path).read_bytes() for path in files_in(target)}
    assert served(cache) in (None, CONTENT)
    cache.put("another", {"out": b"other content"})
    cache.remove("key")
    cache.evict(0)
    cache.verify(repair=True)
    cache.rebuild()
    assert {path: (target / path).read_bytes() for path in files_in(target)} == before


def test_a_pipe_in_the_place_of_a_blob_does_not_hang(cache: ArtifactCache, store: Path) -> None:
    blob, _ = stored(cache, store)
    blob.unlink()
    os.mkfifo(blob)
    assert served(cache) is None
    cache.verify(repair=True)
    assert cache.verify().ok


def test_a_folder_in_the_place_of_a_blob_is_a_miss(cache: ArtifactCache, store: Path) -> None:
    blob, _ = stored(cache, store)
    blob.unlink()
    blob.mkdir()
    assert served(cache) is None
