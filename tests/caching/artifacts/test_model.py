"""The cache beside a dictionary that knows what it may hold, over random sequences of everything that can happen."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import invariant, run_state_machine_as_test

from caching.artifacts.crowd import stored_bytes
from caching.artifacts.model import CAPACITY, QUOTA
from caching.artifacts.model_accidents import Accidents
from caching.artifacts.model_keepers import Keepers
from caching.artifacts.model_users import Users
from couler_plugins.caching.artifacts import Stored, open_cache
from support import examples


class Cache(Users, Keepers, Accidents):
    """All rules, and what holds after each."""

    @invariant()
    def never_over_the_limits(self) -> None:
        if not hasattr(self, "caches") or not self.indexed:
            return
        total = stored_bytes(self.folder / "cache")
        damage = sum(len(known.damaged) for known in self.known.values())  # a damaged blob may have grown by a byte
        assert total <= CAPACITY + damage
        blobs = (self.folder / "cache/v1/right/blobs").glob("*/*")
        assert sum(path.stat().st_size for path in blobs) <= QUOTA + damage

    @invariant()
    def every_entry_is_known(self) -> None:
        if not hasattr(self, "caches"):
            return
        for name, known in self.known.items():
            assert {entry.key for entry in self.caches[name].entries()} == set(known.results)


@pytest.mark.parametrize("index", [None, "none"], ids=["indexed", "store-only"])
def test_the_cache_is_a_dictionary(index: str | None) -> None:
    kind = type("Cache", (Cache,), {"index": index})
    quick = settings(max_examples=examples(60), stateful_step_count=40, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(kind, settings=quick)


@pytest.mark.slow
@pytest.mark.parametrize("index", [None, "none"], ids=["indexed", "store-only"])
def test_the_cache_is_a_dictionary_for_longer(index: str | None) -> None:
    kind = type("Cache", (Cache,), {"index": index})
    long = settings(max_examples=examples(200), stateful_step_count=60, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(kind, settings=long)


@pytest.mark.parametrize("lost", [False, True], ids=["rebuilt", "lost"])
def test_what_was_removed_while_it_is_read_stays_away(tmp_path: Path, lost: bool) -> None:
    with open_cache(tmp_path) as cache:
        assert isinstance(cache.put("key", {"one": b"x"}), Stored)
        hit = cache.get("key")
        assert hit is not None
        assert cache.remove("key")
        assert hit.read("one") == b"x"
        if not lost:
            cache.rebuild()
            assert cache.lookup("key") is None
    if lost:
        for path in tmp_path.glob("index.sqlite*"):
            path.unlink()
        with open_cache(tmp_path) as cache:
            assert cache.lookup("key") is None
