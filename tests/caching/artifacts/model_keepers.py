"""What those do who keep a cache: pin, remove, evict; and the time that passes."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from caching.artifacts.model import EVERYTHING_EXPIRES, KEYS, NAMESPACES, Bench

__all__ = ["Keepers"]


class Keepers(Bench):
    """Rules of those who say what stays and what goes."""

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
        if any(content for outputs in free for content in outputs.values()):  # what is empty takes no room
            blobs = {content for outputs in free + kept for content in outputs.values()}
            assert sum(map(len, blobs)) <= capacity

    @rule(seconds=st.sampled_from([1.0, 100.0, -100.0, EVERYTHING_EXPIRES, -EVERYTHING_EXPIRES]))
    def move_the_clock(self, seconds: float) -> None:
        self.now += seconds
        for known in self.known.values():
            known.hits = [(hit, key, outputs, False) for hit, key, outputs, _ in known.hits]
