"""What is held is renewed while somebody has it, ended when nobody has, and no matter of a forked process."""

from __future__ import annotations

import contextlib
import gc
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from caching.artifacts.samples import Clock, put
from couler_plugins.caching.artifacts import Claim, Hit, open_cache
from couler_plugins.caching.artifacts.heartbeat import Heartbeat
from couler_plugins.errors import EngineError
from servers.processes import until
from support import first_of

PERIOD = 0.02


class Renewals:
    """Counts the beats."""

    def __init__(self) -> None:
        self.count = 0
        self.ended: list[str] = []

    def renew(self) -> None:
        self.count += 1


@pytest.fixture
def renewals() -> Renewals:
    return Renewals()


@pytest.fixture
def heartbeat(renewals: Renewals) -> Iterator[Heartbeat]:
    heartbeat = Heartbeat(renewals.renew, PERIOD)
    yield heartbeat
    heartbeat.close()


def beats() -> int:
    return sum(thread.name == "couler-cache-heartbeat" for thread in threading.enumerate())


def test_what_is_held_is_renewed_and_ended_once(heartbeat: Heartbeat, renewals: Renewals) -> None:
    before = beats()
    held = heartbeat.hold(lambda: renewals.ended.append("a"))
    until(lambda: renewals.count > 2, 5, "two beats")
    held()
    held()
    assert renewals.ended == ["a"]
    until(lambda: beats() == before, 5, "the end of the thread")


def test_what_nobody_has_any_more_is_ended(heartbeat: Heartbeat, renewals: Renewals) -> None:
    held = heartbeat.hold(lambda: renewals.ended.append("kept"))
    heartbeat.hold(lambda: renewals.ended.append("dropped"))
    gc.collect()
    until(lambda: bool(renewals.ended), 5, "the end of what was dropped")
    seen = renewals.count
    until(lambda: renewals.count > seen + 1, 5, "another beat")
    assert renewals.ended == ["dropped"]
    held()


def test_what_could_not_be_ended_is_ended_later(heartbeat: Heartbeat, renewals: Renewals) -> None:
    tries = iter([OSError("the store is away"), OSError("still"), None])

    def release() -> None:
        error = next(tries)
        if error is not None:
            raise error
        renewals.ended.append("at last")

    with pytest.raises(OSError, match="away"):
        heartbeat.hold(release)()
    until(lambda: renewals.ended == ["at last"], 5, "the third try")


def test_what_was_interrupted_while_it_was_ended_is_ended_later(heartbeat: Heartbeat, renewals: Renewals) -> None:
    def release() -> None:
        renewals.ended.append("tried")
        if len(renewals.ended) == 1:
            raise KeyboardInterrupt

    held = heartbeat.hold(release)
    with pytest.raises(KeyboardInterrupt):
        held()
    until(lambda: len(renewals.ended) == 2, 5, "the second try")
    until(lambda: not heartbeat._held, 5, "the end of it")


def test_a_finalizer_may_run_where_the_lock_is_held(heartbeat: Heartbeat, renewals: Renewals) -> None:
    held = heartbeat.hold(lambda: renewals.ended.append("a"))
    with heartbeat._lock:  # the collector runs in whichever thread, and wherever that is
        del held
        gc.collect()
    until(lambda: renewals.ended == ["a"], 5, "the end of what was dropped")


@pytest.mark.parametrize("index", first_of([None, "none"]))
def test_a_claim_that_is_dropped_ends(tmp_path: Path, index: str | None) -> None:
    with (
        open_cache(tmp_path, index=index, lease_seconds=0.3) as forgetful,
        open_cache(tmp_path, index=index, lease_seconds=0.3) as other,
    ):
        claim = forgetful.claim("k")
        with other.claim("k", wait=1.0) as waiting:
            assert isinstance(waiting, Claim)
            assert not waiting.leader, "it is renewed for as long as somebody has it"
        del claim
        gc.collect()
        with other.claim("k", wait=10.0) as next_one:
            assert isinstance(next_one, Claim)
            assert next_one.leader


def test_a_hit_that_is_dropped_can_be_evicted(tmp_path: Path) -> None:
    with open_cache(tmp_path, lease_seconds=0.3) as cache:
        put(cache, "k", 10, 1)
        hit = cache.get("k")
        assert hit is not None
        assert cache.evict(0) == ()
        del hit
        gc.collect()
        until(lambda: cache.evict(0) != (), 10, "the end of the lease")


@pytest.mark.parametrize("index", [None, "none"])
def test_a_closed_cache_finds_and_stores_nothing(
    tmp_path: Path, index: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    cache = open_cache(tmp_path, index=index)
    put(cache, "k", 10, 1)
    hit, claim = cache.get("k"), cache.claim("l")
    assert isinstance(hit, Hit)
    assert isinstance(claim, Claim)
    cache.close()
    assert (cache.get("k"), cache.get("k", wait=0.1), cache.lookup("k"), cache.restore("k", {})) == (None,) * 4
    refused = cache.put("m", {"out": b"x"})
    assert "the cache is closed" in str(refused)
    with cache.claim("k") as late:
        assert isinstance(late, Claim)
        assert not late.leader
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) >= 5
    assert all("the cache is closed" in record.getMessage() for record in warnings)
    caplog.clear()
    for one in (hit, claim, cache):
        one.close()  # what they held is over already
    assert caplog.records == []
    for ask in (cache.stats, cache.entries, cache.verify, lambda: cache.evict(0), lambda: cache.remove("k")):
        with pytest.raises(EngineError, match="cache is closed"):
            ask()
    assert _opened(tmp_path) == []


def _opened(place: Path) -> list[str]:
    """The files below a folder that this process has open, where the system says so."""
    links = Path("/proc/self/fd")
    found = []
    for link in links.iterdir() if links.is_dir() else ():
        with contextlib.suppress(OSError):  # the one that reads the folder is gone
            found.append(str(link.readlink()))
    return [name for name in found if name.startswith(str(place))]


@pytest.mark.parametrize("index", [None, "none"])
def test_a_lease_lasts_as_long_as_its_owner_said(tmp_path: Path, index: str | None) -> None:
    """Another who reckons with a minute has no say in what was claimed for an hour."""
    clock = Clock()
    clock.now = 1_700_000_000.0
    with (
        open_cache(tmp_path, index=index, clock=clock, lease_seconds=3600.0) as patient,
        open_cache(tmp_path, index=index, clock=clock, lease_seconds=60.0) as hasty,
    ):
        put(patient, "k", 10, 1)
        with patient.get("k") or pytest.fail("a miss") as hit, patient.claim("l") as claim:
            clock.now += 300
            assert isinstance(claim, Claim)
            put(hasty, "other", 10, 1)
            with hasty.claim("l") as second:
                assert isinstance(second, Claim)
                assert not second.leader
            if index is None:
                assert hasty.stats().leases == 1
                hasty.evict(0)
            assert len(hit.read("out")) == 10
            clock.now += 3600
            with hasty.claim("l") as third:
                assert isinstance(third, Claim)
                assert third.leader


@pytest.mark.parametrize("index", first_of(["sqlite", "none"]))
def test_a_forked_process_begins_anew(tmp_path: Path, index: str) -> None:
    """In a process of its own: it forks while its threads read."""
    script = Path(__file__).with_name("forks.py")
    where = f"sqlite:///{tmp_path}/index.sqlite" if index == "sqlite" else index
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(script), str(tmp_path / "store"), where]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines() == ["children: 40 right, 0 wrong, 0 hung", "claim: held", "lease: held"], (
        done.stderr
    )
