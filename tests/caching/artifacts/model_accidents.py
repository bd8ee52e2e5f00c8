"""What happens to a cache: it is closed, loses its index, has damaged blobs, and is mended."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from caching.artifacts.model import NAMESPACES, Bench, Known

__all__ = ["Accidents"]


class Accidents(Bench):
    """Rules of what goes wrong, and of what sets it right."""

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
