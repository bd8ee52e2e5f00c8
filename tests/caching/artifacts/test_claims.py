"""Claims and leases as their holders see them: whose turn it is, what counts, and when it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from caching.artifacts.samples import Clock, Costly, put
from couler_plugins.caching.artifacts import (
    ArtifactCache,
    Claim,
    Hit,
    Lost,
    Refused,
    Stored,
    open_cache,
)


def test_one_computes_and_the_others_wait(cache: ArtifactCache) -> None:
    first, second = cache.claim("k1"), cache.claim("k1", wait=0.05)
    assert isinstance(first, Claim)
    assert first.leader
    assert isinstance(second, Claim)
    assert not second.leader
    assert isinstance(first.put({"out": b"1"}), Stored)
    with cache.claim("k1") as found:
        assert isinstance(found, Hit)


def test_a_claim_that_was_given_up_is_free(cache: ArtifactCache) -> None:
    with cache.claim("k1"):
        pass
    with cache.claim("k1") as claim:
        assert isinstance(claim, Claim)
        assert claim.leader


@pytest.mark.parametrize("jump", [61.0, -100_000.0])
def test_leases_and_claims_end_with_their_owner(tmp_path: Path, clock: Clock, jump: float) -> None:
    """The dead owner is a cache that is never closed and whose heartbeat does not come; the clock may be set back."""
    dead = open_cache(tmp_path / "cache", capacity=1000, policy=Costly(), clock=clock)
    put(dead, "a", 600, 1)
    hit, claim = dead.get("a"), dead.claim("b")
    with open_cache(tmp_path / "cache", policy=Costly(), clock=clock) as cache:
        assert isinstance(put(cache, "c", 600, 9), Refused)
        clock.now += jump
        assert isinstance(put(cache, "c", 600, 9), Stored)
        with cache.claim("b") as mine:
            assert isinstance(mine, Claim)
            assert mine.leader
    assert hit is not None
    with pytest.raises(Lost):
        hit.read("out")
    claim.close()
    dead.close()


def test_a_result_that_is_stored_between_two_looks_is_found(
    cache: ArtifactCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one who computes stores it after a reader has missed it, and before that one asks who computes."""
    claim = cache.claim("k")
    assert isinstance(claim, Claim)
    claimed = cache._backend.claimed

    def in_between(key: str) -> bool:
        claim.put({"out": b"x"})
        return claimed(key)

    monkeypatch.setattr(cache._backend, "claimed", in_between)
    with cache.get("k", wait=5.0) or pytest.fail("a miss") as hit:
        assert hit.read("out") == b"x"
