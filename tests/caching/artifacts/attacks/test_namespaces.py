"""One namespace against another: neither its results nor its room can be had."""

from __future__ import annotations

from pathlib import Path

import pytest

from caching.artifacts.planting import CONTENT, OUTSIDE, manifest_of, planted, served
from couler_plugins.caching.artifacts import Stored, open_cache


def test_another_namespaces_results_cannot_be_reached(tmp_path: Path) -> None:
    place = str(tmp_path / "store")
    with open_cache(place, namespace="theirs") as theirs, open_cache(place, namespace="mine") as mine:
        assert isinstance(theirs.put("key", {"out": OUTSIDE}), Stored)
        assert mine.get("key") is None
        assert mine.lookup("key") is None
        assert mine.entries() == []
        assert not mine.remove("key")
        assert not mine.pin("key", 60)
        assert mine.evict(0) == ()
        assert isinstance(mine.put("other", {"out": b"x"}), Stored)
        assert mine.evict(0) != ()
        mine.verify(repair=True)
        mine.rebuild()
        assert served(theirs) == OUTSIDE


@pytest.mark.parametrize("claims", ["mine", "theirs"])
def test_a_manifest_that_refers_to_another_namespace_is_no_way_in(store: Path, index: str | None, claims: str) -> None:
    """Knowing the digest of another's blob is not enough to be handed its bytes."""
    place = str(store.parents[1])
    with open_cache(place, namespace="theirs", index=index) as theirs:
        assert isinstance(theirs.put("key", {"out": OUTSIDE}), Stored)
    with planted(store, index, manifest_of(namespace=claims)) as cache:
        assert served(cache) is None
        cache.verify(repair=True)
        cache.remove("key")
        assert isinstance(cache.put("key", {"out": CONTENT}), Stored)
        assert served(cache) == CONTENT
    with open_cache(place, namespace="theirs", index=index) as theirs:
        assert served(theirs) == OUTSIDE


def test_a_quota_holds_against_another_namespaces_pressure(tmp_path: Path) -> None:
    """One namespace cannot push out what another holds."""
    place = str(tmp_path / "store")
    with (
        open_cache(place, namespace="theirs", capacity=2_000) as theirs,
        open_cache(place, namespace="mine", quota=1_500) as mine,
    ):
        assert isinstance(theirs.put("key", {"out": b"t" * 800}), Stored)
        for number in range(20):
            mine.put(f"key-{number}", {"out": bytes([number]) * 400})
        assert served(theirs) == b"t" * 800
        assert theirs.stats().usage["mine"].bytes <= 1_200
