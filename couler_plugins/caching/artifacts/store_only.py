"""The cache without an index, for pods that share nothing but a store: manifests are put under a condition.

There is nobody to count bytes or leases, so the capacity is soft: `evict` enforces it. An entry goes first; its blobs
go when nothing has needed them for a grace period, which stands for the leases of readers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from couler_plugins.caching.artifacts.admission import choose
from couler_plugins.caching.artifacts.blobs import Blobs, Later, Staged, read_manifest
from couler_plugins.caching.artifacts.collecting import Collector
from couler_plugins.caching.artifacts.entry import Damaged, Entry, Lost, Meta, Output, check_entry, encode_entry
from couler_plugins.caching.artifacts.heartbeat import Release
from couler_plugins.caching.artifacts.index import Kept
from couler_plugins.caching.artifacts.results import (
    Admission,
    Existed,
    PutResult,
    Refused,
    Report,
    Stats,
    Stored,
    Usage,
)
from couler_plugins.caching.artifacts.sources import Source, entry_name, namespace_of
from couler_plugins.caching.artifacts.store_marks import StoreMarks
from couler_plugins.hookspecs import ArtifactStore, CachePolicy
from couler_plugins.net.redacting import redact_url
from couler_plugins.runs import Candidate, History


class StoreOnly:
    """One namespace of a store, by its objects alone.

    Args:
        url: where the store is, for `stats`.
        store: the store.
        namespace: the namespace.
        policy: gives the policy that `admit` asks.
        history: the runs that the policy knows.
        capacity: bytes that `admit` reckons with.
        clock: the time in seconds since 1970.
        lifetime: seconds that claims outlive their owner.
        grace: seconds that a blob stays which no entry needs.
    """

    counts_uses = False

    def __init__(
        self,
        url: str,
        store: ArtifactStore,
        namespace: str,
        policy: Callable[[], CachePolicy],
        history: History,
        *,
        capacity: int | None,
        clock: Callable[[], float],
        lifetime: float,
        grace: float,
    ) -> None:
        self.blobs = Blobs(store, namespace)
        self._url, self._store, self._namespace = redact_url(url), store, namespace
        self._folder = namespace_of(namespace)
        self._policy, self._history = policy, history
        self._capacity, self._clock = capacity, clock
        self._marks = StoreMarks(store, namespace, clock, lifetime)
        self._collector = Collector(store, namespace, clock, grace)

    def find(self, key: str) -> Entry | None:
        found = self._at(key)
        return found if isinstance(found, Entry) else None

    def lease(self, key: str) -> tuple[Entry, Release] | None:
        entry = self.find(key)
        return None if entry is None else (entry, _nothing)

    def put(
        self, key: str, parts: Sequence[tuple[str, str, Source]], meta: Meta, replacing: Entry | None = None
    ) -> PutResult:
        standing = self._standing(key, replacing)
        if standing is not None:
            return standing
        entry, manifest = self._write(key, parts, meta)
        if self._store.put(self._folder + entry_name(key), manifest, replace=False):
            return Stored(entry=entry)
        standing = self._standing(key, replacing)
        if standing is not None:
            return standing
        self._store.put(self._folder + entry_name(key), manifest)  # what is there is no manifest, or is to be replaced
        if replacing is not None:
            self._collector.doom(replacing.outputs)
        return Stored(entry=entry)

    def drop(self, entry: Entry) -> bool:
        if self.find(entry.key) != entry:
            return False
        self._store.delete(self._folder + entry_name(entry.key))
        self._collector.doom(entry.outputs)
        self._marks.unpin(entry.key)
        return True

    def claim(self, key: str) -> Release | None:
        return self._marks.claim(key)

    def claimed(self, key: str) -> bool:
        return self._marks.claimed(key)

    def pin(self, key: str, seconds: float) -> bool:
        if self.find(key) is None:
            return False
        self._marks.pin(key, seconds)
        return True

    def unpin(self, key: str) -> bool:
        return self._marks.unpin(key)

    def kept(self) -> list[Kept]:
        pinned = self._marks.pinned()
        entries = sorted(self._collector.entries(), key=lambda entry: entry.key)
        return [Kept(entry, entry.created, 1, entry.key not in pinned) for entry in entries]

    def admit(self, new: Candidate) -> Admission:
        kept = self.kept()
        used = sum(item.entry.bytes for item in kept)
        if self._capacity is None or used + new.bytes <= self._capacity:
            return Admission(admitted=True)
        room = self._capacity - sum(item.entry.bytes for item in kept if not item.free)
        return choose(self._policy(), self._history, kept, new, room)

    def evict(self, entries: Iterable[Entry]) -> list[Entry]:
        pinned = self._marks.pinned()
        gone = [entry for entry in entries if entry.key not in pinned and self.drop(entry)]
        self._collector.collect()
        return gone

    def stats(self) -> Stats:
        entries = self._collector.entries()
        used = sum(item.bytes for item in self._store.list(f"{self._folder}blobs/"))
        return Stats(
            url=self._url,
            index="none",
            namespace=self._namespace,
            capacity=self._capacity,
            bytes=used,
            usage={self._namespace: Usage(entries=len(entries), bytes=used)},
            pins=len(self._marks.pinned()),
            uses=len(entries),
        )

    def verify(self, *, repair: bool) -> Report:
        entries, later = self._collector.manifests()
        missing: list[Entry] = []
        corrupt: list[Entry] = []
        unreadable: list[str] = []
        for entry in entries:
            try:
                for output in entry.outputs:
                    self.blobs.check(output)
            except Damaged:
                whole = all(self.blobs.present(output) for output in entry.outputs)
                (corrupt if whole else missing).append(entry)
            except Lost as error:
                unreadable.append(f"{entry.key}: {error.message}")
        if repair:
            for entry in (*missing, *corrupt):
                self.drop(entry)
        orphans = self._collector.collect() if repair else self._collector.overdue()
        blobs = list(self._store.list(f"{self._folder}blobs/"))
        total = sum(item.bytes for item in blobs)
        return Report(
            entries=len(entries) - (len(missing) + len(corrupt) if repair else 0),
            blobs=len(blobs),
            bytes=total,
            missing=tuple(entry.key for entry in missing),
            corrupt=tuple(entry.key for entry in corrupt),
            orphans=tuple(orphans),
            unknown=tuple(unreadable),
            later=tuple(later),
            over=max(0, total - self._capacity) if self._capacity is not None else 0,
            repaired=repair,
        )

    def rebuild(self) -> int:
        return 0

    def close(self) -> None:
        self._marks.close()

    def _at(self, key: str) -> Entry | Later | None:
        found = read_manifest(self._store, self._namespace, entry_name(key))
        return found if isinstance(found, Later) or (found is not None and found.key == key) else None

    def _standing(self, key: str, replacing: Entry | None) -> Existed | Refused | None:
        """Why nothing is put under a key: what it has stays."""
        manifest = self._at(key)
        if isinstance(manifest, Later):
            return Refused(reason="a later version of the cache made the result that is there")
        return None if manifest is None or manifest == replacing else Existed(entry=manifest)

    def _write(self, key: str, parts: Sequence[tuple[str, str, Source]], meta: Meta) -> tuple[Entry, bytes]:
        """Writes the blobs of a result that nobody sees yet; its entry, and the manifest that makes it seen."""
        staged: list[Staged] = []
        try:
            outputs = []
            for name, codec, source in parts:
                staged.append(self.blobs.stage(source, self.blobs.name_aside()))
                outputs.append(Output(name=name, codec=codec, bytes=source.bytes, sha256=staged[-1].sha256))
            entry = Entry(namespace=self._namespace, key=key, outputs=tuple(outputs), meta=meta, created=self._clock())
            check_entry(entry)
            manifest = encode_entry(entry)
            for one, output in zip(staged, outputs, strict=True):
                self.blobs.publish(one, output.blob)
            return entry, manifest
        finally:
            self.blobs.discard(staged)


def _nothing() -> None:
    pass
