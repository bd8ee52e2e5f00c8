"""The index of a cache: which results there are, and who reads, writes, computes and pins what.

One namespace of one database, in whole transactions. What fails in the database raises OSError.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Sequence

from couler_plugins.caching.artifacts import ledger, owners
from couler_plugins.caching.artifacts.database import Connection, Database
from couler_plugins.caching.artifacts.entry import Entry
from couler_plugins.caching.artifacts.ledger import Full, Piece
from couler_plugins.caching.artifacts.owners import Doomed
from couler_plugins.caching.artifacts.shelf import FIND, Held, Kept, Shelf

__all__ = ["FIND", "Held", "Index", "Kept"]


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
        self._shelf = Shelf(namespace)
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

    def limit(self, scope: str, size: int | None) -> None:
        """Sets the capacity (scope '') or the quota of a namespace; None lifts it."""
        with self.database.writing() as connection:
            connection.execute("DELETE FROM limits WHERE scope = :scope", scope=scope)
            if size is not None:
                connection.execute("INSERT INTO limits (scope, bytes) VALUES (:scope, :bytes)", scope=scope, bytes=size)

    def is_new(self) -> bool:
        """Whether this namespace was never used through this index."""
        return self.database.one("SELECT 1 FROM usage WHERE namespace = :namespace", namespace=self.namespace) is None

    def knows_all(self) -> bool:
        """Whether the results of all namespaces that the store had were found when this index was made."""
        return self.database.one("SELECT 1 FROM usage WHERE namespace = ''") is not None

    def beside(self, namespace: str) -> Index:
        """Another namespace in the same database."""
        return Index(self.database, namespace, clock=self._clock, lifetime=self.lifetime)

    def find(self, key: str) -> Entry | None:
        """The entry of a key, without a lease."""
        row = self.database.one(FIND, namespace=self.namespace, key=key)
        return None if row is None else self._shelf.decoded(key, row[0])

    def kept(self) -> list[Kept]:
        """All entries of the namespace, by key."""
        now = self.now()
        with self.database.reading() as connection:
            rows = self._shelf.rows(connection, now)
        return self._shelf.kept(rows)

    def strays(self) -> list[str]:
        """The keys whose rows hold no entry of theirs: a miss for everybody, until a result is stored or dropped."""
        with self.database.reading() as connection:
            rows = self._shelf.rows(connection, 0.0)
        return self._shelf.strays(rows)

    def lease(self, key: str) -> Held | None:
        """The entry of a key, kept from being evicted until the lease is released or its owner's time is over.

        The lease holds the blobs. The manifest of an entry that is taken out goes at once, or `rebuild` would find it.
        """
        if self.find(key) is None:  # most often so, and nobody has to wait for it
            return None
        now, lease = self.now(), secrets.token_hex(12)
        with self.database.writing() as connection:
            shelved = self._shelf.look(connection, key)
            self._touch(connection, now)
            self._shelf.hold(connection, key, lease, self.owner, now)
        entry = shelved.entry()
        if entry is None:
            self.release(lease)
            return None
        return Held(entry, lease)

    def reserve(
        self, hold: str, key: str, pieces: Sequence[tuple[str, int]], *, replacing: Entry | None = None
    ) -> Entry | Full | float:
        """Reserves bytes for a result; the entry that its key has already, what is full, or the time it begins at.

        What the key has counts as nothing where it is `replacing`; its bytes count, for as long as it is there.
        """
        now = self.now()
        with self.database.writing() as connection:
            dead = owners.overdue(connection, now)
            shelved = self._shelf.look(connection, key)
            limits = ledger.limits_of(connection, self.namespace)
            owners.end(connection, dead)
            entry = shelved.entry()
            if entry is not None and entry != replacing:
                return entry
            self._touch(connection, now)
            full = ledger.reserve(connection, self.owner, hold, self.namespace, pieces, limits)
        return now if full is None else full

    def arrive(self, hold: str, pieces: Sequence[Piece]) -> list[Piece] | None:
        """Books what was written; says what has yet to be published, or None: try again.

        Raises:
            TimeoutError: the reservation is over.
        """
        now = self.now()
        with self.database.writing() as connection:
            reservation = ledger.reservation_of(connection, hold)
            states = ledger.states_of(connection, self.namespace, (piece.name for piece in pieces))
            _require(reservation, (piece.aside for piece in pieces))
            self._touch(connection, now)
            pending = ledger.arrive(connection, self.owner, hold, self.namespace, pieces, states)
            if pending is None:
                owners.bury(connection, now)  # whoever is removing it may be dead
        return pending

    def commit(
        self,
        hold: str,
        entry: Entry,
        pieces: Sequence[Piece],
        published: Sequence[Piece],
        *,
        replacing: Entry | None = None,
    ) -> Entry | None:
        """Makes a result seen, in the place of `replacing`; or returns the one that another writer stored first.

        Raises:
            TimeoutError: the reservation is over.
        """
        names = list(dict.fromkeys(piece.name for piece in pieces))
        with self.database.writing() as connection:
            reservation = ledger.reservation_of(connection, hold)
            states = ledger.states_of(connection, self.namespace, (piece.name for piece in published))
            shelved = self._shelf.look(connection, entry.key)
            _require(reservation, names)
            ledger.settle(connection, hold, self.namespace, published, states)
            other = shelved.entry()
            if other is None or other == replacing:
                other = None
                if shelved.rows:
                    self._shelf.remove(connection, entry.key, shelved, pins=False)
                self.add(connection, entry, names)
            ledger.end_hold(connection, hold)
        return other

    def add(self, connection: Connection, entry: Entry, names: Iterable[str]) -> None:
        """Writes the rows of an entry whose objects are stored."""
        self._shelf.add(connection, entry, names)

    def release(self, hold: str) -> None:
        """Ends a lease, or a put that came to nothing."""
        with self.database.writing() as connection:
            ledger.end_hold(connection, hold)

    def drop(self, entry: Entry) -> bool:
        """Takes out an entry, unless another has its key by now; its objects go when nobody reads them any more."""
        self.database.make_room()
        with self.database.writing() as connection:
            shelved = self._shelf.look(connection, entry.key)
            dropped = shelved.entry() == entry
            if dropped:
                self._shelf.remove(connection, entry.key, shelved)
        return dropped

    def drop_stray(self, key: str) -> None:
        """Takes out the row of a key that holds no entry of its own."""
        self.database.make_room()
        with self.database.writing() as connection:
            shelved = self._shelf.look(connection, key)
            if shelved.entry() is None:
                self._shelf.remove(connection, key, shelved)

    def evict(self, entries: Iterable[Entry]) -> list[Entry]:
        """Takes out those of the entries that nobody reads and no pin holds; says which."""
        now = self.now()
        self.database.make_room()
        with self.database.writing() as connection:
            owners.bury(connection, now)
            shelved = [(entry, self._shelf.look_free(connection, entry.key, now)) for entry in entries]
            free = [(entry, found) for entry, found in shelved if found.entry() == entry]
            for entry, row in free:
                self._shelf.remove(connection, entry.key, row)
        return [entry for entry, _ in free]

    def take_condemned(self, limit: int = 100) -> list[Doomed]:
        """Objects that we are to remove from the store, of whichever namespace: nothing refers to them any more."""
        if self.database.one("SELECT 1 FROM objects WHERE state = 'condemned' LIMIT 1") is None:
            return []
        now = self.now()
        self.database.make_room()
        with self.database.writing() as connection:
            self._touch(connection, now)
            rows = owners.take_condemned(connection, self.owner, limit)
        return [Doomed(*row) for row in rows]

    def finish(self, gone: Iterable[Doomed], kept: Iterable[Doomed]) -> None:
        """Objects that were removed from the store, and those that could not be."""
        self.database.make_room()
        with self.database.writing() as connection:
            owners.finish(connection, self.owner, gone, kept)
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
            owners.bury(connection, now)

    def leave(self) -> None:
        """Ends all that we hold."""
        with self.database.writing() as connection:
            owners.end(connection, [(self.owner,)])

    def _touch(self, connection: Connection, now: float) -> None:
        owners.touch(connection, self.owner, now, self.lifetime)


def _require(held: Iterable[Sequence[str]], names: Iterable[str]) -> None:
    if not {row[0] for row in held}.issuperset(names):
        raise TimeoutError("writing it took longer than its reservation lasts")
