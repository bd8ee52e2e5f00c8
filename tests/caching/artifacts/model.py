"""A dictionary that knows what a cache may hold, and the cache beside it."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from couler_plugins.caching.artifacts import ArtifactCache, Entry, Hit, Lost, open_cache

__all__ = [
    "CAPACITY",
    "EVERYTHING_EXPIRES",
    "KEYS",
    "NAMESPACES",
    "OUTPUTS",
    "QUOTA",
    "Bench",
    "Known",
    "digest",
    "size",
]

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


class Bench(RuleBasedStateMachine):
    """`index` is as `open_cache` takes it.

    Without an index a reader is not counted: what it reads may be evicted, and can still be read for a grace period.
    The capacity is soft then.
    """

    index: str | None = None

    @property
    def indexed(self) -> bool:
        return self.index is None

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

    def _stays(self, known: Known, key: str) -> bool:
        """Whether a key may not be evicted."""
        return known.pinned.get(key, 0.0) > self.now or (self.indexed and known.leased(key))

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
