"""The cache beside a dictionary that knows what it may hold, over random sequences of everything that can happen."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from caching.artifacts.crowd import stored_bytes
from couler_plugins.caching.artifacts import (
    ArtifactCache,
    Claim,
    Entry,
    Existed,
    Hit,
    Lost,
    Meta,
    Refused,
    Stored,
    open_cache,
)

CAPACITY, QUOTA = 1_000, 700
START = 1_000_000_000.0
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Thousands of small files are made here, each synchronised: a disk would take minutes."""

EVERYTHING_EXPIRES = 7 * 24 * 3600.0

KEYS = st.sampled_from(["a", "A", "key:1"])
NAMESPACES = st.sampled_from(["left", "right"])
CONTENTS = st.sampled_from([b"", b"x", b"x" * 150, b"y" * 150, b"z" * 400, b"z" * 800])
OUTPUTS = st.dictionaries(st.sampled_from(["one", "two"]), CONTENTS, min_size=1)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def size(outputs: dict[str, bytes]) -> int:
    return sum(len(content) for content in set(outputs.values()))


@dataclass
class Known:
    """One namespace as the model knows it."""

    results: dict[str, dict[str, bytes]] = field(default_factory=dict)
    pinned: dict[str, float] = field(default_factory=dict)
    damaged: set[str] = field(default_factory=set)
    """Digests of blobs that were corrupted or deleted, and not written again since."""

    hits: list[tuple[Hit, str, dict[str, bytes], bool]] = field(default_factory=list)
    """Open hits; the last field says whether their lease is certain to last."""

    def whole(self, outputs: dict[str, bytes]) -> bool:
        return not any(digest(content) in self.damaged for content in outputs.values())

    def leased(self, key: str) -> bool:
        """Whether a lease that lasts for certain is on a result."""
        return any(key == held and self.results.get(key) is outputs and sure for _, held, outputs, sure in self.hits)

    def forget(self, key: str) -> None:
        self.results.pop(key, None)
        self.pinned.pop(key, None)


class Cache(RuleBasedStateMachine):
    """`index` is as `open_cache` takes it.

    Without an index a reader is not counted: what it reads may be evicted, and can still be read for a grace period.
    The capacity is soft then.
    """

    index: str | None = None

    @property
    def indexed(self) -> bool:
        return self.index is None

    def _stays(self, known: Known, key: str) -> bool:
        """Whether a key may not be evicted."""
        return known.pinned.get(key, 0.0) > self.now or (self.indexed and known.leased(key))

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="couler-model-", dir=IN_MEMORY))
        self.now = START
        self.known = {name: Known() for name in ("left", "right")}
        self.caches = {name: self._open(name) for name in self.known}

    def teardown(self) -> None:
        if hasattr(self, "caches"):
            for known in self.known.values():
                for hit, *_ in known.hits:
                    hit.close()
            for cache in self.caches.values():
                cache.close()
            shutil.rmtree(self.folder)

    def _open(self, name: str) -> ArtifactCache:
        return open_cache(
            str(self.folder / "cache"),
            namespace=name,
            capacity=CAPACITY,
            quota=QUOTA if name == "right" else None,
            index=self.index,
            clock=lambda: self.now,
        )

    @rule(name=NAMESPACES, key=KEYS, outputs=OUTPUTS)
    def put(self, name: str, key: str, outputs: dict[str, bytes]) -> None:
        known = self.known[name]
        meta = Meta(family="model", step=key, seconds=float(size(outputs)), made_by="a test")
        result = self.caches[name].put(key, outputs, meta)
        if key in known.results:
            assert isinstance(result, Existed | Stored)
            if isinstance(result, Existed):
                self._is(result.entry, name, key, known.results[key])
                return
            assert not known.whole(known.results[key]), "only a damaged result is replaced"
            known.forget(key)
        if isinstance(result, Refused):
            assert result.reason
            return
        assert isinstance(result, Stored)
        self._is(result.entry, name, key, outputs)
        assert result.entry.meta == meta
        assert result.entry.created == self.now
        self._evicted(name, result.evicted)
        known.results[key] = outputs
        known.damaged -= {digest(content) for content in outputs.values() if self._is_right(name, digest(content))}

    def _is_right(self, name: str, sha256: str) -> bool:
        """Whether a blob is in the store as it should be."""
        path = self.folder / "cache/v1" / name / "blobs" / sha256[:2] / sha256
        return path.exists() and digest(path.read_bytes()) == sha256

    def _is(self, entry: Entry, name: str, key: str, outputs: dict[str, bytes]) -> None:
        assert (entry.namespace, entry.key) == (name, key)
        assert {output.name: (output.sha256, output.bytes) for output in entry.outputs} == {
            output: (digest(content), len(content)) for output, content in outputs.items()
        }

    def _evicted(self, name: str, entries: tuple[Entry, ...]) -> None:
        known = self.known[name]
        for entry in entries:
            assert entry.namespace == name
            self._is(entry, name, entry.key, known.results[entry.key])
            assert not self._stays(known, entry.key), f"{entry.key} was evicted while it is read or pinned"
            known.forget(entry.key)

    @rule(name=NAMESPACES, key=KEYS)
    def get(self, name: str, key: str) -> None:
        known = self.known[name]
        hit = self.caches[name].get(key)
        if key not in known.results:
            assert hit is None
            return
        outputs = known.results[key]
        if hit is None:
            assert not known.whole(outputs), f"{key} is lost"
            known.forget(key)
            return
        with hit:
            self._is(hit.entry, name, key, outputs)
            self._read(known, hit, key, outputs)

    def _read(self, known: Known, hit: Hit, key: str, outputs: dict[str, bytes]) -> None:
        """Each output is right, or Lost where its blob was damaged; then the entry is dropped."""
        for output, content in outputs.items():
            try:
                assert hit.read(output) == content
            except Lost:
                assert digest(content) in known.damaged, f"{key}/{output} is lost"
                if known.results.get(key) is outputs:
                    known.forget(key)
                return

    @rule(name=NAMESPACES, key=KEYS)
    def lookup(self, name: str, key: str) -> None:
        entry = self.caches[name].lookup(key)
        known = self.known[name]
        assert (entry is not None) == (key in known.results)
        if entry is not None:
            self._is(entry, name, key, known.results[key])

    @rule(name=NAMESPACES, key=KEYS)
    def lease(self, name: str, key: str) -> None:
        known = self.known[name]
        hit = self.caches[name].get(key)
        if hit is not None:
            known.hits.append((hit, key, known.results[key], True))
        elif key in known.results:
            assert not known.whole(known.results[key])
            known.forget(key)

    @rule(name=NAMESPACES)
    def read_what_is_leased(self, name: str) -> None:
        known = self.known[name]
        for hit, key, outputs, sure in known.hits:
            for output, content in outputs.items():
                try:
                    assert hit.read(output) == content
                except Lost:
                    assert not sure or digest(content) in known.damaged, f"{key}/{output} went away under a lease"
                    if known.results.get(key) is outputs:
                        known.forget(key)
                    break

    @rule(name=NAMESPACES)
    def release(self, name: str) -> None:
        known = self.known[name]
        if known.hits:
            known.hits.pop(0)[0].close()

    @rule(name=NAMESPACES, key=KEYS, seconds=st.sampled_from([10.0, 5_000.0]))
    def pin(self, name: str, key: str, seconds: float) -> None:
        known = self.known[name]
        assert self.caches[name].pin(key, seconds) == (key in known.results)
        if key in known.results:
            known.pinned[key] = max(known.pinned.get(key, 0.0), self.now + seconds)

    @rule(name=NAMESPACES, key=KEYS)
    def unpin(self, name: str, key: str) -> None:
        self.caches[name].unpin(key)
        self.known[name].pinned.pop(key, None)

    @rule(name=NAMESPACES, key=KEYS)
    def remove(self, name: str, key: str) -> None:
        known = self.known[name]
        assert self.caches[name].remove(key) == (key in known.results)
        known.forget(key)
        assert self.caches[name].lookup(key) is None

    @rule(name=NAMESPACES, capacity=st.sampled_from([0, 150, 300, 500]))
    def evict(self, name: str, capacity: int) -> None:
        known = self.known[name]
        self._evicted(name, self.caches[name].evict(capacity))
        free = [outputs for key, outputs in known.results.items() if not self._stays(known, key)]
        kept = [outputs for key, outputs in known.results.items() if self._stays(known, key)]
        if free:
            blobs = {content for outputs in free + kept for content in outputs.values()}
            assert sum(map(len, blobs)) <= capacity

    @rule(name=NAMESPACES, key=KEYS)
    def claim(self, name: str, key: str) -> None:
        with self.caches[name].claim(key, wait=0) as claim:
            if isinstance(claim, Hit):
                self._is(claim.entry, name, key, self.known[name].results[key])
            else:
                assert isinstance(claim, Claim)
                assert claim.leader, "nobody else claims anything here"
                if key in self.known[name].results:
                    assert not self.known[name].whole(self.known[name].results[key])
                    self.known[name].forget(key)

    @rule(seconds=st.sampled_from([1.0, 100.0, -100.0, EVERYTHING_EXPIRES, -EVERYTHING_EXPIRES]))
    def move_the_clock(self, seconds: float) -> None:
        self.now += seconds
        for known in self.known.values():
            known.hits = [(hit, key, outputs, False) for hit, key, outputs, _ in known.hits]

    @rule(name=NAMESPACES)
    def reopen(self, name: str) -> None:
        self._close(name)
        self.caches[name] = self._open(name)

    def _close(self, name: str) -> None:
        for hit, *_ in self.known[name].hits:
            hit.close()
        self.known[name].hits.clear()
        self.caches[name].close()

    @rule()
    def rebuild(self) -> None:
        """What the store holds is what the cache holds; entries without a whole blob may go."""
        for name, known in self.known.items():
            self._rebuilt(name, known)

    def _rebuilt(self, name: str, known: Known) -> None:
        self.caches[name].rebuild()
        present = {entry.key: entry for entry in self.caches[name].entries()}
        for key in list(known.results):
            if key in present:
                self._is(present.pop(key), name, key, known.results[key])
            else:
                assert not known.whole(known.results[key]), f"{key} was lost when the index was rebuilt"
                known.forget(key)
        assert not present, "what was removed came back"

    @rule()
    def lose_the_index(self) -> None:
        if not self.indexed:
            return
        for name in self.known:
            self._close(name)
        for path in (self.folder / "cache").glob("index.sqlite*"):
            path.unlink()
        for name, known in self.known.items():
            self.caches[name] = self._open(name)
            known.pinned.clear()
            self._rebuilt(name, known)

    @rule(name=NAMESPACES, number=st.integers(0, 5), how=st.sampled_from(["flip", "cut", "grow", "delete"]))
    def damage_a_blob(self, name: str, number: int, how: str) -> None:
        blobs = sorted((self.folder / "cache/v1" / name / "blobs").glob("*/*"))
        if blobs:
            path = blobs[number % len(blobs)]
            data = path.read_bytes()
            if how == "delete":
                path.unlink()
            elif how == "grow" or not data:
                path.write_bytes(data + b"!")
            else:
                path.write_bytes(data[:-1] if how == "cut" else bytes([data[0] ^ 1]) + data[1:])
            mended = self._is_right(name, path.name)  # damaged twice, it is as it was
            (self.known[name].damaged.discard if mended else self.known[name].damaged.add)(path.name)

    @rule()
    def repair(self) -> None:
        """Everything that was damaged is dropped, nothing else is; then all is in order, and can be stored again."""
        for known in self.known.values():
            for hit, *_ in known.hits:
                hit.close()
            known.hits.clear()
        for name, known in self.known.items():
            self.caches[name].verify(repair=True)
            report = self.caches[name].verify()
            assert report.ok or (report.over and not self.indexed), report
            present = {entry.key for entry in self.caches[name].entries()}
            assert present == {key for key, outputs in known.results.items() if known.whole(outputs)}
            for key in set(known.results) - present:
                known.forget(key)
            known.damaged.clear()

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
    quick = settings(max_examples=60, stateful_step_count=40, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(kind, settings=quick)


@pytest.mark.slow
@pytest.mark.parametrize("index", [None, "none"], ids=["indexed", "store-only"])
def test_the_cache_is_a_dictionary_for_longer(index: str | None) -> None:
    kind = type("Cache", (Cache,), {"index": index})
    long = settings(max_examples=1_000, stateful_step_count=60, suppress_health_check=list(HealthCheck))
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
