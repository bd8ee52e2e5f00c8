"""Finds and removes what no entry needs, in a store without an index."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Sequence

from couler_plugins.caching.artifacts.blobs import Later, read_manifests
from couler_plugins.caching.artifacts.entry import Entry, Output
from couler_plugins.caching.artifacts.sources import entry_name, namespace_of
from couler_plugins.documents.mappings import by_key
from couler_plugins.hookspecs.stores import ArtifactStore


class Collector:
    """Removes blobs that no entry has needed for a grace period, and what writers left behind.

    When an entry goes, or a blob is first found to be needed by none, an object `doomed/<digest>-<time>` says so. The
    blob goes when the last of them is older than the grace period, nobody needs it, and nobody has written it again.
    """

    def __init__(self, store: ArtifactStore, namespace: str, clock: Callable[[], float], grace: float) -> None:
        self._store = store
        self._namespace = namespace
        self._folder = namespace_of(namespace)
        self._clock = clock
        self._grace = grace

    def entries(self) -> list[Entry]:
        """The entries whose manifests can be read, in the order of their names."""
        return self.manifests()[0]

    def manifests(self) -> tuple[list[Entry], dict[str, Later]]:
        """The entries, and by name the manifests of a later version."""
        entries, later = [], {}
        for name, manifest in read_manifests(self._store, self._namespace):
            if isinstance(manifest, Later):
                later[name] = manifest
            elif manifest is not None and name == entry_name(manifest.key):
                entries.append(manifest)
        return entries, later

    def overdue(self) -> list[str]:
        """What `collect` would remove now."""
        marks = self._marks()
        blobs = sorted(name for name in self._unneeded() if self._is_over(marks.get(_digest(name), ())))
        return blobs + self._leftovers()

    def doom(self, outputs: Iterable[Output]) -> None:
        """Begins the grace period of the blobs of an entry that has gone; another's need of one ends it again."""
        for digest in {output.sha256 for output in outputs}:
            with contextlib.suppress(OSError):  # then it begins when somebody collects
                self._store.put(self._mark(digest, self._now()), b"")

    def collect(self) -> list[str]:
        """Removes what is overdue and marks what has become so; says what was removed."""
        marks, unneeded = self._marks(), self._unneeded()
        for digest in marks.keys() - {_digest(name) for name in unneeded}:
            self._forget(digest, marks[digest])  # somebody needs it again, or it is gone
        gone = []
        for name, modified in sorted(unneeded.items()):
            digest = _digest(name)
            since = marks.get(digest, [])
            if since and modified is not None and modified > max(since):
                self._forget(digest, since)  # written again since, by one whose manifest is to come
                since = []
            if not since:
                since = [self._now()]
                with contextlib.suppress(OSError):  # then its grace period begins at another time
                    self._store.put(self._mark(digest, *since), b"")
            if self._is_over(since) and self._modified(name) == modified:  # nobody wrote it while we read manifests
                self._store.delete(self._folder + name)
                self._forget(digest, since)
                gone.append(name)
        leftovers = self._leftovers()
        for name in leftovers:
            self._store.delete(self._folder + name)
        return gone + leftovers

    def _unneeded(self) -> dict[str, float | None]:
        """Blobs that no entry needs, with the time of writing. They are listed first: a new one's entry may be late."""
        blobs = list(self._store.list(f"{self._folder}blobs/"))
        entries, later = self.manifests()
        needed = {output.blob for entry in entries for output in entry.outputs}
        needed.update(*(one.blobs for one in later.values()))
        result = {item.name.removeprefix(self._folder): item.modified for item in blobs}
        return {name: modified for name, modified in result.items() if name not in needed}

    def _modified(self, name: str) -> float | None:
        shard = self._store.list(f"{self._folder}{name.rpartition('/')[0]}/")
        return next((item.modified for item in shard if item.name == self._folder + name), None)

    def _leftovers(self) -> list[str]:
        """What was written aside longer ago than the grace period."""
        latest = self._clock() - self._grace
        return [
            item.name.removeprefix(self._folder)
            for item in self._store.list(f"{self._folder}tmp/")
            if item.modified is not None and item.modified < latest
        ]

    def _marks(self) -> dict[str, list[int]]:
        """Since when blobs are needed by none, by their digests: whenever an entry that needed it went."""
        names = (item.name.rpartition("/")[2] for item in self._store.list(f"{self._folder}doomed/"))
        parts = (name.partition("-") for name in names)
        return by_key((digest, int(since)) for digest, _, since in parts if since.isdecimal())

    def _now(self) -> int:
        """The time, in seconds; not before what was written just now, or it would seem to be written again."""
        return math.ceil(self._clock())

    def _mark(self, digest: str, since: int) -> str:
        return f"{self._folder}doomed/{digest}-{since}"

    def _forget(self, digest: str, since: Iterable[int]) -> None:
        for one in since:
            self._store.delete(self._mark(digest, one))

    def _is_over(self, since: Sequence[int]) -> bool:
        return bool(since) and max(since) + self._grace <= self._clock()


def _digest(name: str) -> str:
    return name.rpartition("/")[2]
