"""Finds and removes what no entry needs, in a store without an index."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from couler_plugins.caching.artifacts.entry import Entry
from couler_plugins.caching.artifacts.names import entry_name, namespace_of
from couler_plugins.caching.artifacts.rebuild import read_manifest
from couler_plugins.hookspecs.stores import ArtifactStore

__all__ = ["Collector"]


class Collector:
    """Removes blobs that no entry has needed for a grace period, and what writers left behind.

    When a blob is first found to be needed by none, an object `doomed/<digest>-<time>` says so. It goes when that is
    older than the grace period and nobody has written the blob again.
    """

    def __init__(self, store: ArtifactStore, namespace: str, clock: Callable[[], float], grace: float) -> None:
        self._store = store
        self._namespace = namespace
        self._folder = namespace_of(namespace)
        self._clock = clock
        self._grace = grace

    def entries(self) -> list[Entry]:
        """The entries whose manifests can be read, in the order of their names."""
        found = []
        for item in self._store.list(f"{self._folder}entries/"):
            name = item.name.removeprefix(self._folder)
            entry = read_manifest(self._store, self._folder, name, self._namespace)
            if entry is not None and name == entry_name(entry.key):
                found.append(entry)
        return found

    def overdue(self) -> list[str]:
        """What `collect` would remove now."""
        marks = self._marks()
        return sorted(name for name in self._unneeded() if self._is_over(marks.get(_digest(name)))) + self._leftovers()

    def collect(self) -> list[str]:
        """Removes what is overdue and marks what has become so; says what was removed."""
        marks, unneeded = self._marks(), self._unneeded()
        for digest in marks.keys() - {_digest(name) for name in unneeded}:
            self._store.delete(self._mark(digest, marks[digest]))  # somebody needs it again, or it is gone
        gone = []
        for name, modified in sorted(unneeded.items()):
            digest = _digest(name)
            since = marks.get(digest)
            if since is not None and modified is not None and modified > since:
                self._store.delete(self._mark(digest, since))  # written again since, by one whose manifest is to come
                since = None
            if since is None:
                since = int(self._clock())
                with contextlib.suppress(OSError):  # then its grace period begins at another time
                    self._store.put(self._mark(digest, since), b"")
            if self._is_over(since):
                self._store.delete(self._folder + name)
                self._store.delete(self._mark(digest, since))
                gone.append(name)
        leftovers = self._leftovers()
        for name in leftovers:
            self._store.delete(self._folder + name)
        return gone + leftovers

    def _unneeded(self) -> dict[str, float | None]:
        """Blobs that no entry needs, with the time of writing. They are listed first: a new one's entry may be late."""
        blobs = list(self._store.list(f"{self._folder}blobs/"))
        needed = {self._folder + output.blob for entry in self.entries() for output in entry.outputs}
        return {item.name.removeprefix(self._folder): item.modified for item in blobs if item.name not in needed}

    def _leftovers(self) -> list[str]:
        """What was written aside longer ago than the grace period."""
        latest = self._clock() - self._grace
        return [
            item.name.removeprefix(self._folder)
            for item in self._store.list(f"{self._folder}tmp/")
            if item.modified is not None and item.modified < latest
        ]

    def _marks(self) -> dict[str, int]:
        found = {}
        for item in self._store.list(f"{self._folder}doomed/"):
            digest, _, since = item.name.rpartition("/")[2].partition("-")
            if since.isdigit():
                found[digest] = int(since)
        return found

    def _mark(self, digest: str, since: int) -> str:
        return f"{self._folder}doomed/{digest}-{since}"

    def _is_over(self, since: int | None) -> bool:
        return since is not None and since + self._grace <= self._clock()


def _digest(name: str) -> str:
    return name.rpartition("/")[2]
