"""The cache with an index: hard capacity, leases, single flight, and the marks of pins and claims."""

from __future__ import annotations

import contextlib
import functools
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence

from couler_plugins.caching.artifacts import owners
from couler_plugins.caching.artifacts.admission import capacity_and_bytes, counts, usage_by_namespace
from couler_plugins.caching.artifacts.blobs import Blobs
from couler_plugins.caching.artifacts.entry import Entry, Meta
from couler_plugins.caching.artifacts.heartbeat import Heartbeat, Release
from couler_plugins.caching.artifacts.index import Index, Kept
from couler_plugins.caching.artifacts.rebuild import rebuild, rebuild_others
from couler_plugins.caching.artifacts.results import Admission, PutResult, Report, Stats
from couler_plugins.caching.artifacts.sources import Source
from couler_plugins.caching.artifacts.verify import sweep, verify
from couler_plugins.caching.artifacts.writing import Writer
from couler_plugins.hookspecs import ArtifactStore, CachePolicy
from couler_plugins.net.redacting import redact_url
from couler_plugins.runs import Candidate, History

# What marks a key beside its entry: pins, and claims of those who compute its result.


class Marks:
    """The pins and claims of an index."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def pin(self, key: str, seconds: float) -> bool:
        """Keeps an entry from being evicted for that long, or longer where it is pinned already; False without one."""
        now = self._index.now()
        values = {"namespace": self._index.namespace, "key": key}
        with self._index.database.writing() as connection:
            rows = connection.execute("SELECT 1 FROM entries WHERE namespace = :namespace AND key = :key", **values)
            connection.execute(
                "INSERT INTO pins (namespace, key, until) SELECT namespace, key, :until FROM entries"
                " WHERE namespace = :namespace AND key = :key ON CONFLICT (namespace, key) DO UPDATE SET until ="
                " CASE WHEN pins.until > excluded.until THEN pins.until ELSE excluded.until END",
                until=now + seconds, **values,
            )  # fmt: skip
        return bool(rows)

    def unpin(self, key: str) -> bool:
        """Ends a pin; False where there is none."""
        values = {"namespace": self._index.namespace, "key": key}
        with self._index.database.writing() as connection:
            rows = connection.execute("SELECT 1 FROM pins WHERE namespace = :namespace AND key = :key", **values)
            connection.execute("DELETE FROM pins WHERE namespace = :namespace AND key = :key", **values)
        return bool(rows)

    def _claim(self, key: str) -> str | None:
        """Claims the computing of a key; None where somebody else has."""
        now, claim = self._index.now(), secrets.token_hex(12)
        with self._index.database.writing() as connection:
            owners.bury(connection, now)
            owners.touch(connection, self._index.owner, now, self._index.lifetime)
            connection.execute(
                "INSERT INTO flights (namespace, key, id, owner) VALUES (:namespace, :key, :id, :owner)"
                " ON CONFLICT (namespace, key) DO NOTHING",
                namespace=self._index.namespace, key=key, id=claim, owner=self._index.owner,
            )  # fmt: skip
            rows = connection.execute(
                "SELECT id FROM flights WHERE namespace = :namespace AND key = :key",
                namespace=self._index.namespace, key=key,
            )  # fmt: skip
        return claim if rows[0][0] == claim else None

    def claimed(self, key: str) -> bool:
        """Whether somebody who lives computes the key."""
        now = self._index.now()
        row = self._index.database.one(
            "SELECT 1 FROM flights f JOIN owners o ON o.id = f.owner"
            " WHERE f.namespace = :namespace AND f.key = :key AND o.expires > :now"
            " AND o.expires <= :now + 2 * o.lifetime",
            namespace=self._index.namespace, key=key, now=now,
        )  # fmt: skip
        return row is not None

    def _give_up(self, claim: str) -> None:
        """Ends a claim."""
        with self._index.database.writing() as connection:
            connection.execute("DELETE FROM flights WHERE id = :id", id=claim)


log = logging.getLogger(__name__)


class Indexed(Marks):
    """One namespace of a store, with an index.

    Args:
        url: where the store is, for `stats`.
        store: the store.
        index: the index.
        policy: gives the policy that decides on admission.
        history: the runs that the policy knows.
    """

    counts_uses = True

    def __init__(
        self, url: str, store: ArtifactStore, index: Index, policy: Callable[[], CachePolicy], history: History
    ) -> None:
        super().__init__(index)
        self.blobs = Blobs(store, index.namespace)
        self._url = redact_url(url)
        self._store = store
        self._heartbeat = Heartbeat(index.renew, index.lifetime / 3)
        self._writer = Writer(index, self.blobs, policy, history, self._sweep)

    def find(self, key: str) -> Entry | None:
        return self._index.find(key)

    def lease(self, key: str) -> tuple[Entry, Release] | None:
        if self._index.database.read_only:  # nobody can be told, and who removes it does so elsewhere
            entry = self._index.find(key)
            return None if entry is None else (entry, bool)
        lease = self._index.lease(key)
        if lease is None:
            return None
        return lease.entry, self._hold(functools.partial(self._index.release, lease.lease))

    def put(
        self, key: str, parts: Sequence[tuple[str, str, Source]], meta: Meta, replacing: Entry | None = None
    ) -> PutResult:
        writing = self._heartbeat.hold(bool)
        try:
            return self._writer.put(key, parts, meta, replacing)
        finally:
            writing()

    def drop(self, entry: Entry) -> bool:
        dropped = self._index.drop(entry)
        self._sweep()
        return dropped

    def claim(self, key: str) -> Release | None:
        claim = self._claim(key)
        return None if claim is None else self._hold(functools.partial(self._give_up, claim))

    def kept(self) -> list[Kept]:
        return self._index.kept()

    def admit(self, new: Candidate) -> Admission:
        return self._writer.admit(new)

    def evict(self, entries: Iterable[Entry]) -> list[Entry]:
        evicted = self._index.evict(entries)
        self._sweep()
        return evicted

    def stats(self) -> Stats:
        capacity, used = capacity_and_bytes(self._index)
        leases, pins, uses = counts(self._index)
        return Stats(
            url=self._url,
            index=self._index.database.kind,
            namespace=self._index.namespace,
            capacity=capacity,
            bytes=used,
            usage=usage_by_namespace(self._index),
            leases=leases,
            pins=pins,
            uses=uses,
        )

    def verify(self, *, repair: bool) -> Report:
        return verify(self._index, self._store, self.blobs, repair=repair)

    def rebuild(self) -> int:
        added = rebuild(self._index, self._store)
        self._sweep()
        return added

    def begin(self) -> None:
        """Where the index is new, finds what the store holds, in whichever namespace: it all counts.

        Raises:
            OSError: the store or the index failed.
        """
        if self._index.is_new():
            self.rebuild()
        if not self._index.knows_all():
            rebuild_others(self._index, self._store)
            self._sweep()

    def close(self) -> None:
        self._heartbeat.close()
        with contextlib.suppress(OSError):  # what is held ends by itself
            self._index.leave()
        self._index.database.close()

    def _sweep(self) -> bool:
        return sweep(self._index, self._store)

    def _hold(self, release: Release) -> Release:
        def end() -> None:
            release()
            self._sweep()

        return self._heartbeat.hold(end)
