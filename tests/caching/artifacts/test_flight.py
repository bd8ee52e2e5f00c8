"""Single flight: of many that miss one key, one computes; if it dies the next takes over; nobody waits for ever."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest

from caching.artifacts.crowd import Crowd, Place, check, outputs_of
from couler_plugins.caching.artifacts import ArtifactCache, Claim, Hit, Stored, open_cache
from couler_plugins.caching.artifacts.stores import FolderStore
from servers.processes import until

pytestmark = pytest.mark.sampled

KEY = "wanted-by-all"
WORKERS = 16


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A cache on either index, whose clock a test can move."""
    index = request.getfixturevalue("postgres").database() if request.param == "postgresql" else None
    clock = tmp_path / "clock"
    clock.write_text("0")
    place = Place(str(tmp_path / "cache"), index=index, clock=clock)
    place.open().close()
    return place


def _note(path: Path, what: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{what}\n".encode())
    os.close(descriptor)


def _notes(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _compute(notes: Path, seconds: float, wait: float, cache: ArtifactCache, _: random.Random) -> None:
    """Takes the result, or computes it if it is this one's turn."""
    with cache.claim(KEY, wait=wait) as claim:
        if isinstance(claim, Hit):
            check(KEY, claim)
            _note(notes, "hit")
            return
        _note(notes, "leads" if claim.leader else "waited")
        time.sleep(seconds)
        if claim.leader:
            assert isinstance(claim.put(outputs_of(KEY)), Stored)


@pytest.mark.slow
def test_one_of_sixteen_computes(place: Place, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    crowd = Crowd(place, tmp_path)
    for number in range(WORKERS):
        crowd.start(partial(_compute, notes, 0.5, 60.0), seed=number, times=1)
    assert crowd.wait(90) == [0] * WORKERS
    assert crowd.complaints == []
    assert sorted(_notes(notes)) == ["hit"] * (WORKERS - 1) + ["leads"]


def test_the_next_one_takes_over_when_the_owner_is_killed(place: Place, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    crowd = Crowd(place, tmp_path)
    try:
        owner = crowd.start(partial(_compute, notes, 600.0, 60.0), seed=0, times=1)
        until(lambda: _notes(notes) == ["leads"], 20, "the first claim")
        for number in range(1, 5):
            crowd.start(partial(_compute, notes, 0.1, 60.0), seed=number, times=1)
        crowd.kill(owner)
        time.sleep(0.5)
        assert _notes(notes) == ["leads"], "nobody takes over before the lease has expired"
        assert place.clock is not None
        place.clock.write_text(str(24 * 3600))
        assert crowd.wait(60) == [0] * 4
    finally:
        crowd.end()
    assert crowd.complaints == []
    assert sorted(_notes(notes)) == ["hit"] * 3 + ["leads"] * 2


def test_a_waiting_limit_is_kept(place: Place) -> None:
    with place.open() as owner, place.open() as other, owner.claim(KEY, wait=0) as first:
        assert isinstance(first, Claim)
        assert first.leader
        start = time.monotonic()
        with other.claim(KEY, wait=1.0) as second:
            waited = time.monotonic() - start
            assert isinstance(second, Claim)
            assert not second.leader
        assert 0.9 <= waited <= 4.0


def test_a_claim_that_is_given_up_lets_the_next_one_lead(place: Place) -> None:
    with place.open() as owner, place.open() as other:
        with contextlib.suppress(ZeroDivisionError), owner.claim(KEY, wait=0):
            raise ZeroDivisionError
        with other.claim(KEY, wait=0) as claim:
            assert isinstance(claim, Claim)
            assert claim.leader


def test_a_reader_waits_for_the_one_who_computes(place: Place, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    crowd = Crowd(place, tmp_path)
    try:
        crowd.start(partial(_compute, notes, 0.7, 60.0), seed=0, times=1)
        until(lambda: _notes(notes) == ["leads"], 20, "the first claim")
        with place.open() as cache:
            hit = cache.get(KEY, wait=30)
            assert hit is not None
            with hit:
                check(KEY, hit)
        assert crowd.wait(20) == [0]
    finally:
        crowd.end()


class Interrupted(FolderStore):
    """A folder in which something happens before a claim is removed."""

    before: ClassVar[Callable[[], object]] = bool

    def delete(self, name: str) -> None:
        happening, Interrupted.before = Interrupted.before, bool
        if "/claims/" in name:
            happening()
        super().delete(name)


def test_without_an_index_one_takes_over_a_dead_ones_claim(tmp_path: Path) -> None:
    """Both find the claim of a dead one; the second is in the middle of taking it over when the first has done so."""
    now = 1_000_000_000.0

    def opened(*stores: type[FolderStore]) -> ArtifactCache:
        return open_cache(str(tmp_path / "cache"), index="none", clock=lambda: now, stores=stores)

    dead, first, second = opened(), opened(), opened(Interrupted)
    abandoned = dead.claim(KEY)
    now += 24 * 3600.0
    claims: list[Hit | Claim] = []
    Interrupted.before = lambda: claims.append(first.claim(KEY))
    claims.append(second.claim(KEY))
    if len(claims) == 1:  # nothing had to be removed
        claims.append(first.claim(KEY))
    assert sorted(claim.leader for claim in claims if isinstance(claim, Claim)) == [False, True]
    for one in (*claims, abandoned, dead, first, second):
        one.close()


@pytest.mark.slow
def test_without_an_index_claims_are_coordinated_by_the_store(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    place = Place(str(tmp_path / "cache"), index="none")
    crowd = Crowd(place, tmp_path)
    for number in range(WORKERS):
        crowd.start(partial(_compute, notes, 0.5, 60.0), seed=number, times=1)
    assert crowd.wait(90) == [0] * WORKERS
    assert crowd.complaints == []
    assert sorted(_notes(notes)) == ["hit"] * (WORKERS - 1) + ["leads"]
