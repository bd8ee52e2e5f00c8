"""The rows of a namespace's entries: what is found there, and what hangs on them.

Whatever a row says is held to its key: a damaged one is as good as none.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from couler_plugins.caching.artifacts import ledger
from couler_plugins.caching.artifacts.database import Connection, Row
from couler_plugins.caching.artifacts.entry import Entry, LaterVersion, decode_entry, encode_entry

log = logging.getLogger(__name__)

FIND = "SELECT manifest FROM entries WHERE namespace = :namespace AND key = :key"

FREE = (
    "NOT EXISTS (SELECT 1 FROM holds h JOIN owners o ON o.id = h.owner WHERE h.namespace = e.namespace"
    " AND h.key = e.key AND o.expires > :now AND o.expires <= :now + 2 * o.lifetime)"
    " AND NOT EXISTS (SELECT 1 FROM pins p WHERE p.namespace = e.namespace AND p.key = e.key AND p.until > :now)"
)
"""Whether nobody reads an entry `e` and no pin holds it."""

FIND_FREE = f"SELECT manifest FROM entries e WHERE namespace = :namespace AND key = :key AND {FREE}"  # noqa: S608  # of parts that stand here; values are bound
ALL = f"SELECT key, manifest, used, uses, {FREE} FROM entries e WHERE namespace = :namespace ORDER BY key"  # noqa: S608  # of parts that stand here; values are bound


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


class Found(NamedTuple):
    """What was asked for of a key: nothing is looked at before it has to be.

    Attributes:
        rows: its row, if it has one.
        entry: the entry in it, unless that is damaged or another's.
        names: the objects that it needs.
    """

    rows: Sequence[Row]
    entry: Callable[[], Entry | None]
    names: Sequence[Row]


class Shelf:
    """The entries of one namespace, by key."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace

    def decoded(self, key: str, manifest: str) -> Entry | None:
        """The entry in the row of a key; None where it is damaged or another's, and a warning in the log.

        Raises:
            LaterVersion: a later version of the cache made it, and nobody else touches it.
        """
        try:
            entry = decode_entry(manifest, trusted=True)
        except LaterVersion:
            raise
        except ValueError as error:
            log.warning("the index holds no entry for %s: %s", key, error)
            return None
        if (entry.namespace, entry.key) != (self._namespace, key):
            log.warning("the index holds another key's entry for %s", key)
            return None
        return entry

    def look(self, connection: Connection, key: str) -> Found:
        """Asks for the entry of a key."""
        return self._ask(connection, key, FIND)

    def look_free(self, connection: Connection, key: str, now: float) -> Found:
        """Asks for the entry of a key, if it may be evicted."""
        return self._ask(connection, key, FIND_FREE, now=now)

    def rows(self, connection: Connection, now: float) -> Sequence[Row]:
        """All rows: key, manifest, when it was used, how often, and whether it may be evicted."""
        return connection.execute(ALL, namespace=self._namespace, now=now)

    def kept(self, rows: Iterable[Row]) -> list[Kept]:
        """The entries in the rows that hold one."""
        entries = ((self._readable(key, manifest), *rest) for key, manifest, *rest in rows)
        return [Kept(entry, used, uses, bool(free)) for entry, used, uses, free in entries if entry is not None]

    def strays(self, rows: Iterable[Row]) -> list[str]:
        """The keys of the rows that are damaged, or hold another key's entry."""
        strays = []
        for key, manifest, *_ in rows:
            with contextlib.suppress(LaterVersion):
                strays += [key] if self.decoded(key, manifest) is None else []
        return strays

    def hold(self, connection: Connection, key: str, lease: str, owner: str, now: float) -> None:
        """Holds the blobs of a key's entry, if there is one, and counts the use."""
        values = {"namespace": self._namespace, "key": key}
        connection.execute(
            "INSERT INTO holds (id, namespace, key, name, owner) SELECT :id, namespace, key, name, :owner FROM links"
            " WHERE namespace = :namespace AND key = :key AND name LIKE 'blobs/%'",
            id=lease, owner=owner, **values,
        )  # fmt: skip
        connection.execute(
            "UPDATE entries SET used = :now, uses = uses + 1 WHERE namespace = :namespace AND key = :key",
            now=now, **values,
        )  # fmt: skip

    def add(self, connection: Connection, entry: Entry, names: Iterable[str]) -> None:
        """Writes the rows of an entry whose objects are stored."""
        values = {"namespace": self._namespace, "key": entry.key}
        connection.execute(
            "INSERT INTO entries (namespace, key, manifest, used, uses) VALUES (:namespace, :key, :manifest, :used, 1)",
            manifest=encode_entry(entry).decode(), used=entry.created, **values,
        )  # fmt: skip
        for name in names:
            connection.execute(
                "INSERT INTO links (namespace, key, name) VALUES (:namespace, :key, :name)", name=name, **values
            )

    def remove(self, connection: Connection, key: str, result: Found, *, pins: bool = True) -> None:
        """Removes the rows of a key, and condemns what nobody needs then."""
        values = {"namespace": self._namespace, "key": key}
        names = [row[0] for row in result.names]
        for table in ("links", "entries", *(["pins"] if pins else [])):
            connection.execute(f"DELETE FROM {table} WHERE namespace = :namespace AND key = :key", **values)  # noqa: S608  # of parts that stand here; values are bound
        ledger.release(connection, self._namespace, names)

    def _ask(self, connection: Connection, key: str, statement: str, **more: float) -> Found:
        values = {"namespace": self._namespace, "key": key}
        rows = connection.execute(statement, **values, **more)
        names = connection.execute("SELECT name FROM links WHERE namespace = :namespace AND key = :key", **values)
        return Found(rows, lambda: self.decoded(key, rows[0][0]) if rows else None, names)

    def _readable(self, key: str, manifest: str) -> Entry | None:
        try:
            return self.decoded(key, manifest)
        except LaterVersion as error:
            log.warning("the result %s is left alone: %s", key, error)
            return None
