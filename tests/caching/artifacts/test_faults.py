"""Every call to the file system fails once, in every way: a put is refused or whole, a get is a miss or right."""

from __future__ import annotations

import contextlib
import errno
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from caching.artifacts.crowd import Place, check, outputs_of, stored_bytes
from caching.artifacts.faults import CALLS, Faults, mounted
from couler_plugins.caching.artifacts import ArtifactCache, Existed, Lost, Refused, Stored

pytestmark = pytest.mark.sampled

ERRORS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EROFS": errno.EROFS, "EACCES": errno.EACCES}
WRITING = [call for call in CALLS if call not in ("read", "lstat", "scandir")]


class Bench:
    """A cache in a folder whose file system can be made to fail; its index is on another one."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = tmp_path / "cache"
        self.clock = tmp_path / "clock"
        self.clock.write_text("0")
        self.place = Place(str(self.folder), index=f"sqlite:///{tmp_path}/index.sqlite", clock=self.clock)
        self.cache = self.place.open()
        self.faults = Faults(self.folder, monkeypatch)
        self.faults.reset()

    def holds(self, key: str) -> bool:
        """Whether the cache has a key; what it serves is right."""
        hit = self.cache.get(key)
        if hit is None:
            return False
        with hit:
            check(key, hit)
        return True

    def mend(self) -> None:
        """Without faults the cache is whole again, and nothing was left behind."""
        self.faults.reset()
        self.clock.write_text(str(float(self.clock.read_text()) + 24 * 3600))
        self.cache.verify(repair=True)
        report = self.cache.verify()
        assert report.ok, report
        assert self.cache.stats().bytes == stored_bytes(self.folder)
        assert self.cache.stats().leases == 0


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(tmp_path, monkeypatch)
    yield bench
    bench.faults.reset()
    bench.cache.close()


def _calls(bench: Bench, call: str) -> int:
    """How often a put and a get make this call."""
    bench.faults.reset()
    assert isinstance(bench.cache.put("probe", outputs_of("probe")), Stored)
    assert bench.holds("probe")
    bench.cache.remove("probe")
    return bench.faults.seen[call]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", WRITING)
def test_a_put_whose_calls_fail_one_after_the_other(bench: Bench, call: str, error: str) -> None:
    """Call number 0, 1, 2 … of its kind fails, once; the cache goes on in the same process."""
    total = _calls(bench, call)
    for number in range(total):
        key = f"key-{number}"
        bench.faults.reset()
        bench.faults.fail(call, ERRORS[error], at=number, times=1)
        result = bench.cache.put(key, outputs_of(key))
        assert isinstance(result, Stored | Refused), result
        bench.faults.reset()
        assert bench.holds(key) == isinstance(result, Stored), f"{call} number {number}"
    bench.mend()
    for number in range(total):
        assert isinstance(bench.cache.put(f"key-{number}", outputs_of(f"key-{number}")), Stored | Existed)
        assert bench.holds(f"key-{number}")


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("call", WRITING)
def test_a_put_while_a_call_always_fails(bench: Bench, call: str, error: str) -> None:
    assert isinstance(bench.cache.put("before", outputs_of("before")), Stored)
    bench.faults.reset()
    bench.faults.fail(call, ERRORS[error])
    result = bench.cache.put("key", outputs_of("key"))
    assert isinstance(result, Stored | Refused)
    bench.cache.remove("before")
    bench.cache.evict(0)
    bench.faults.reset()
    bench.mend()
    assert bench.cache.entries() == []
    assert isinstance(bench.cache.put("key", outputs_of("key")), Stored)
    assert bench.holds("key")


@pytest.mark.parametrize("call", ["open", "read", "lstat"])
@pytest.mark.parametrize("error", ["EIO", "EACCES"])
def test_a_get_whose_calls_fail_is_a_miss(bench: Bench, call: str, error: str) -> None:
    """It may be a miss, or Lost while reading; it is never wrong, and no other error comes out."""
    total = _calls(bench, call)
    for number in range(total + 1):
        key = f"key-{number}"
        bench.faults.reset()
        assert isinstance(bench.cache.put(key, outputs_of(key)), Stored)
        bench.faults.reset()
        bench.faults.fail(call, ERRORS[error], at=number, times=1)
        with contextlib.suppress(Lost):
            bench.holds(key)
        bench.faults.reset()
        target = bench.place.clock
        assert target is not None
        bench.cache.restore(key, {"model": target.with_name("restored")})
    bench.mend()


def test_what_cannot_be_removed_still_counts(bench: Bench) -> None:
    assert isinstance(bench.cache.put("key", outputs_of("key")), Stored)
    bench.faults.fail("unlink", errno.EIO)
    assert bench.cache.remove("key")
    assert bench.cache.stats().bytes == stored_bytes(bench.folder) > 0
    bench.faults.reset()
    bench.cache.evict(0)
    assert bench.cache.stats().bytes == stored_bytes(bench.folder) == 0


def test_short_writes_are_carried_on(bench: Bench) -> None:
    bench.faults.write_short()
    assert isinstance(bench.cache.put("key", outputs_of("key")), Stored)
    assert bench.faults.seen["write"] > 10
    assert bench.holds("key")
    bench.mend()


def test_a_read_only_store_serves_and_refuses(bench: Bench) -> None:
    assert isinstance(bench.cache.put("before", outputs_of("before")), Stored)
    bench.faults.reset()
    bench.faults.read_only()
    assert bench.holds("before")
    assert isinstance(bench.cache.put("key", outputs_of("key")), Refused)
    assert bench.cache.get("key") is None
    bench.mend()
    assert isinstance(bench.cache.put("key", outputs_of("key")), Stored)


def test_a_slow_store_is_only_slow(bench: Bench) -> None:
    for call in ("open", "read", "write", "replace"):
        bench.faults.delay(call, 0.02)
    assert isinstance(bench.cache.put("key", outputs_of("key")), Stored)
    assert bench.holds("key")
    bench.mend()


def test_a_write_that_outlives_its_lease_is_refused_or_whole(bench: Bench) -> None:
    """While it is written, the clock jumps past its reservation and another process cleans up."""
    with bench.place.open() as other:
        jumped = False

        def jump() -> None:
            nonlocal jumped
            if not jumped:
                jumped = True
                bench.clock.write_text(str(24 * 3600))
                other.verify(repair=True)
                other.put("others", outputs_of("others"))

        bench.faults.on("write", jump)
        result = bench.cache.put("key", outputs_of("key"))
        assert jumped
        assert isinstance(result, Stored | Refused)
        assert bench.holds("key") == isinstance(result, Stored)
        assert bench.holds("others")
    bench.mend()


@pytest.mark.parametrize("jump", [-24 * 3600.0, 24 * 3600.0], ids=["back", "forth"])
def test_a_clock_that_jumps(bench: Bench, jump: float) -> None:
    """Nothing is lost or locked for good; claims and pins end, and new ones can be made."""
    with bench.place.open() as other:
        assert isinstance(bench.cache.put("key", outputs_of("key")), Stored)
        assert bench.cache.pin("key", 60)
        held = bench.cache.get("key")
        assert held is not None
        bench.clock.write_text(str(jump))
        with held:
            check("key", held)
        assert other.lookup("key") is not None
        assert isinstance(other.put("later", outputs_of("later")), Stored)
        assert bench.holds("later")
        bench.cache.unpin("key")
        assert other.remove("key")
        with other.claim("key", wait=0) as claim:
            assert getattr(claim, "leader", False)
    bench.mend()


def test_a_claim_made_before_the_clock_was_set_back_ends(bench: Bench) -> None:
    """Its owner is gone, so nobody renews it: it must not last the hours that the clock was set back."""
    abandoned = bench.place.open()
    bench.clock.write_text(str(24 * 3600))
    assert getattr(abandoned.claim("key", wait=0).__enter__(), "leader", False)
    bench.clock.write_text("0")
    with bench.cache.claim("key", wait=0) as claim:
        assert getattr(claim, "leader", False)
    abandoned.close()


@pytest.mark.parametrize("index", ["beside", "on another disk"])
def test_a_disk_that_is_really_full(tmp_path: Path, index: str) -> None:
    with mounted(tmp_path / "disk", 1 << 20) as disk:
        elsewhere = None if index == "beside" else f"sqlite:///{tmp_path}/index.sqlite"
        with Place(str(disk / "cache"), index=elsewhere).open() as cache:
            kept = _fill(cache)
            assert 0 < len(kept) < 200, "the disk must become full"
            for key in kept:
                hit = cache.get(key)
                if hit is not None:
                    with hit:
                        check(key, hit)
            for key in kept:
                cache.remove(key)
            cache.verify(repair=True)
            assert isinstance(cache.put("after", outputs_of("after")), Stored)
            assert cache.verify().missing == ()
            assert cache.verify().corrupt == ()


def _fill(cache: ArtifactCache) -> list[str]:
    kept = []
    for number in range(200):
        key = f"key-{number}"
        if isinstance(cache.put(key, outputs_of(key)), Stored):
            kept.append(key)
    return kept


def test_a_folder_that_goes_away_is_a_miss(tmp_path: Path) -> None:
    start = time.monotonic()
    with Place(str(tmp_path / "cache"), index=f"sqlite:///{tmp_path}/index.sqlite").open() as cache:
        assert isinstance(cache.put("key", outputs_of("key")), Stored)
        shutil.rmtree(tmp_path / "cache")
        assert cache.restore("key", {"model": tmp_path / "model"}) is None
        assert not (tmp_path / "model").exists()
        assert cache.lookup("key") is None, "an entry without its blob is dropped when that is noticed"
        assert isinstance(cache.put("key", outputs_of("key")), Stored)
    assert time.monotonic() - start < 20
