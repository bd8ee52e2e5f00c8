"""What users of a cache do: put, get, read, claim."""

from __future__ import annotations

from hypothesis.stateful import rule

from caching.artifacts.model import KEYS, NAMESPACES, OUTPUTS, Bench, digest, size
from couler_plugins.caching.artifacts import Claim, Existed, Hit, Lost, Meta, Refused, Stored

__all__ = ["Users"]


class Users(Bench):
    """Rules of those who look for results and make them."""

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
