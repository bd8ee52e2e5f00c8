"""Names and numbers that the cache takes, and those that it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from couler_plugins.caching.artifacts import (
    ArtifactCache,
    Meta,
    Refused,
    Stored,
    open_cache,
)
from couler_plugins.errors import InvalidInput


@pytest.mark.parametrize("key", ["", "../x", "/x", "a/b", ".hidden", "a\n", "ä", "x" * 256])
def test_keys_that_are_none(cache: ArtifactCache, key: str) -> None:
    for call in (cache.get, cache.lookup, cache.remove, cache.claim, lambda key: cache.put(key, {"a": b""})):
        with pytest.raises(InvalidInput):
            call(key)


@pytest.mark.parametrize("names", [["../x"], ["a/b"], [".a"], ["a", "A"], [""]])
def test_names_of_outputs_that_are_none(cache: ArtifactCache, names: list[str]) -> None:
    with pytest.raises(InvalidInput):
        cache.put("k1", dict.fromkeys(names, b""))


@pytest.mark.parametrize("namespace", ["", "..", "A", "a/b", "a..b", "a.", "-a", "x" * 64])
def test_namespaces_that_are_none(tmp_path: Path, namespace: str) -> None:
    with pytest.raises(InvalidInput):
        open_cache(tmp_path, namespace=namespace)


def test_a_text_that_no_manifest_may_have_is_refused_and_harms_nobody(cache: ArtifactCache) -> None:
    for meta in (Meta(family="x" * 2000), Meta(seconds=float("nan")), Meta(seconds=-1.0), Meta(seconds=1e300)):
        with pytest.raises(InvalidInput, match="invalid metadata of a result"):
            cache.put("k", {"o": b"1"}, meta)
    assert cache.entries() == []
    assert isinstance(cache.put("k", {"o": b"1"}), Stored)


def test_numbers_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with open_cache(tmp_path) as cache:
        for seconds in (float("inf"), float("nan"), -1.0):
            with pytest.raises(InvalidInput, match="makes no sense"):
                cache.pin("k", seconds)
    for capacity in (-1, 2**63):
        with pytest.raises(InvalidInput, match="is not valid"):
            open_cache(tmp_path, capacity=capacity)


def test_a_manifest_that_nobody_would_read_is_refused(cache: ArtifactCache) -> None:
    refused = cache.put("k", {"o": b"1"}, Meta(parents=tuple(f"{number:0200d}" for number in range(25_000))))
    assert isinstance(refused, Refused)
    assert "its manifest would take" in refused.reason
    assert (cache.entries(), cache.stats().bytes) == ([], 0)
