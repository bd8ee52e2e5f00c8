"""The index of a cache: which results there are, and who reads, writes, computes and pins what.

One namespace of one database, in whole transactions. What fails in the database raises OSError.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from couler_plugins.caching.artifacts import ledger
from couler_plugins.caching.artifacts.database import Connection, Database
from couler_plugins.caching.artifacts.entry import Entry, decode_entry, encode_entry
from couler_plugins.caching.artifacts.ledger import Doomed, Full, Piece

__all__ = ["Held", "Index", "Kept"]

FIND = "SELECT manifest FROM entries WHERE namespace = :namespace AND key = :key"


class Kept(NamedTuple):
    """An entry as a policy sees it.

    Attributes:
        entry: the entry.
        used: when it was last made or asked for.
        uses: how often.
        free: whether it may be evicted: nobody reads it and no pin holds it.
    """

    entry: Entry
    used: float
    uses: int
    free: bool


class Held(NamedTuple):
    """An entry with the lease that keeps it."""

    entry: Entry
    lease: str


class Index:
    """One namespace in a database.

    Args:
        database: the database.
        namespace: the namespace.
        clock: the time in seconds since 1970; None takes the database's own, which all hosts share.
        lifetime: seconds that leases, claims and reservations of this owner last without being renewed.
    """

    def __init__(
        self, database: Database, namespace: str, *, clock: Callable[[], float] | None = None, lifetime: float = 60.0
    ) -> None:
        self.database = database
        self.namespace = namespace
        self.lifetime = lifetime
        self._clock = clock
        self._owner, self._process = "", 0

    def now(self) -> float:
        """The time that leases are measured by."""
        return self.database.now() if self._clock is None else self._clock()

    @property
    def owner(self) -> str:
        """Who we are: another in each process."""
        if self._process != os.getpid():
            self._owner, self._process = secrets.token_hex(12), os.getpid()
        return self._owner

    def limit(self, scope: str, size: int) -> None:
        """Sets the capacity (scope '') or the quota of a namespace."""
        with self.database.writing() as connection:
            connection.execute(
                "INSERT INTO limits (scope, bytes) VALUES (:scope, :bytes)"
                " ON CONFLICT (scope) DO UPDATE SET bytes = excluded.bytes",
                scope=scope, bytes=size,
            )  # fmt: skip

    def is_new(self) -> bool:
        """Whether this namespace was never used through this index."""
        return self.database.one("SELECT 1 FROM usage WHERE namespace = :namespace", namespace=self.namespace) is None

    def find(self, key: str) -> Entry | None:
        """The entry of a key, without a lease."""
        row = self.database.one(FIND, namespace=self.namespace, key=key)
        return None if row is None else self._decoded(row[0], key)

    def kept(self) -> list[Kept]:
        """All entries of the namespace."""
        now = self.now()
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT manifest, used, uses,"
                " NOT EXISTS (SELECT 1 FROM holds h JOIN owners o ON o.id = h.owner"
                "  WHERE h.namespace = e.namespace AND h.key = e.key AND o.expires > :now AND o.expires <= :latest)"
                " AND NOT EXISTS (SELECT 1 FROM pins p"
                "  WHERE p.namespace = e.namespace AND p.key = e.key AND p.until > :now)"
                " FROM entries e WHERE namespace = :namespace ORDER BY key",
                namespace=self.namespace, now=now, latest=now + 2 * self.lifetime,
            )  # fmt: skip
        return [Kept(decode_entry(row[0], trusted=True), row[1], row[2], bool(row[3])) for row in rows]

    def lease(self, key: str) -> Held | None:
        """The entry of a key, kept from being evicted until the lease is released or its owner's time is over.

        The lease holds the blobs. The manifest of an entry that is taken out goes at once, or `rebuild` would find it.
        """
        now, lease = self.now(), secrets.token_hex(12)
        with self.database.writing() as connection:
            entry = self._find(connection, key)
            if entry is None:
                return None
            self._touch(connection, now)
            connection.execute(
                "INSERT INTO holds (id, namespace, key, name, owner)"
                " SELECT :id, namespace, key, name, :owner FROM links"
                " WHERE namespace = :namespace AND key = :key AND name LIKE 'blobs/%'",
                id=lease, owner=self.owner, namespace=self.namespace, key=key,
            )  # fmt: skip
            connection.execute(
                "UPDATE entries SET used = :now, uses = uses + 1 WHERE namespace = :namespace AND key = :key",
                now=now, namespace=self.namespace, key=key,
            )  # fmt: skip
        return Held(entry, lease)

    def reserve(self, hold: str, key: str, pieces: Sequence[tuple[str, int]]) -> Entry | Full | float:
        """Reserves bytes for a result; the entry that its key has already, what is full, or the time it begins at."""
        now = self.now()
        with self.database.writing() as connection:
            ledger.bury(connection, now, self.lifetime)
            entry = self._find(connection, key)
            if entry is not None:
                return entry
            self._touch(connection, now)
            full = ledger.reserve(connection, self.owner, hold, self.namespace, pieces)
        return now if full is None else full

    def arrive(self, hold: str, pieces: Sequence[Piece]) -> list[Piece] | None:
        """Books what was written; says what has yet to be published, or None: try again.

        Raises:
            TimeoutError: the reservation is over.
        """
        now = self.now()
        with self.database.writing() as connection:
            ledger.bury(connection, now, self.lifetime)
            self._require(connection, hold, [piece.aside for piece in pieces])
            self._touch(connection, now)
            return ledger.arrive(connection, self.owner, hold, self.namespace, pieces)

    def commit(self, hold: str, entry: Entry, pieces: Sequence[Piece], published: Sequence[Piece]) -> Entry | None:
        """Makes a result seen; or returns the one that another writer stored first.

        Raises:
            TimeoutError: the reservation is over.
        """
        names = list(dict.fromkeys(piece.name for piece in pieces))
        with self.database.writing() as connection:
            self._require(connection, hold, names)
            ledger.settle(connection, hold, self.namespace, published)
            found = self._find(connection, entry.key)
            if found is None:
                self.add(connection, entry, names)
            for namespace, name in ledger.let_go(connection, hold):
                ledger.release(connection, namespace, [name])
        return found

    def add(self, connection: Connection, entry: Entry, names: Iterable[str]) -> None:
        """Writes the rows of an entry whose objects are stored."""
        connection.execute(
            "INSERT INTO entries (namespace, key, manifest, used, uses) VALUES (:namespace, :key, :manifest, :used, 1)",
            namespace=self.namespace, key=entry.key, manifest=encode_entry(entry).decode(), used=entry.created,
        )  # fmt: skip
        for name in names:
            connection.execute(
                "INSERT INTO links (namespace, key, name) VALUES (:namespace, :key, :name)",
                namespace=self.namespace, key=entry.key, name=name,
            )  # fmt: skip

    def release(self, hold: str) -> None:
        """Ends a lease, or a put that came to nothing."""
        with self.database.writing() as connection:
            for namespace, name in ledger.let_go(connection, hold):
                ledger.release(connection, namespace, [name])

    def drop(self, entry: Entry) -> bool:
        """Takes out an entry, unless another has its key by now; its objects go when nobody reads them any more."""
        self.database.make_room()
        with self.database.writing() as connection:
            return self._drop(connection, entry)

    def evict(self, entries: Iterable[Entry]) -> list[Entry]:
        """Takes out those of the entries that nobody reads and no pin holds; says which."""
        now = self.now()
        self.database.make_room()
        with self.database.writing() as connection:
            ledger.bury(connection, now, self.lifetime)
            free = [entry for entry in entries if self._is_free(connection, entry.key, now)]
            return [entry for entry in free if self._drop(connection, entry)]

    def take_condemned(self, limit: int = 100) -> list[Doomed]:
        """Objects that we are to remove from the store, of whichever namespace: nothing refers to them any more."""
        if self.database.one("SELECT 1 FROM objects WHERE state = 'condemned' LIMIT 1") is None:
            return []
        now = self.now()
        self.database.make_room()
        with self.database.writing() as connection:
            self._touch(connection, now)
            return ledger.take_condemned(connection, self.owner, limit)

    def finish(self, gone: Iterable[Doomed], kept: Iterable[Doomed]) -> None:
        """Objects that were removed from the store, and those that could not be."""
        self.database.make_room()
        with self.database.writing() as connection:
            ledger.finish(connection, self.owner, gone, kept)
        self.database.keep_room()

    def renew(self) -> None:
        """Prolongs all that we hold."""
        now = self.now()
        with self.database.writing() as connection:
            self._touch(connection, now)

    def bury(self) -> None:
        """Ends what others hold whose time is over."""
        now = self.now()
        with self.database.writing() as connection:
            ledger.bury(connection, now, self.lifetime)

    def leave(self) -> None:
        """Ends all that we hold."""
        with self.database.writing() as connection:
            ledger.forget_owner(connection, self.owner)

    def _find(self, connection: Connection, key: str) -> Entry | None:
        rows = connection.execute(FIND, namespace=self.namespace, key=key)
        return self._decoded(rows[0][0], key) if rows else None

    def _decoded(self, manifest: str, key: str) -> Entry:
        entry = decode_entry(manifest, trusted=True)
        if (entry.namespace, entry.key) != (self.namespace, key):
            raise ValueError("the index holds the entry of another key")
        return entry

    def _touch(self, connection: Connection, now: float) -> None:
        ledger.touch(connection, self.owner, now + self.lifetime)

    def _require(self, connection: Connection, hold: str, names: Iterable[str]) -> None:
        held = {row[0] for row in connection.execute("SELECT name FROM holds WHERE id = :id", id=hold)}
        if not held.issuperset(names):
            raise TimeoutError("writing it took longer than its reservation lasts")

    def _is_free(self, connection: Connection, key: str, now: float) -> bool:
        values = {"namespace": self.namespace, "key": key}
        leased = connection.execute("SELECT 1 FROM holds WHERE namespace = :namespace AND key = :key LIMIT 1", **values)
        pinned = connection.execute(
            "SELECT 1 FROM pins WHERE namespace = :namespace AND key = :key AND until > :now", now=now, **values
        )
        return not leased and not pinned

    def _drop(self, connection: Connection, entry: Entry) -> bool:
        found = self._find(connection, entry.key)
        if found != entry:
            return False
        values = {"namespace": self.namespace, "key": entry.key}
        names = [row[0] for row in connection.execute(
            "SELECT name FROM links WHERE namespace = :namespace AND key = :key", **values
        )]  # fmt: skip
        for table in ("links", "entries", "pins"):
            connection.execute(f"DELETE FROM {table} WHERE namespace = :namespace AND key = :key", **values)  # noqa: S608
        ledger.release(connection, self.namespace, names)
        return True
