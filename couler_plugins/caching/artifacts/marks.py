"""What marks a key beside its entry: pins, and claims of those who compute its result."""

from __future__ import annotations

import secrets

from couler_plugins.caching.artifacts import owners
from couler_plugins.caching.artifacts.index import Index

__all__ = ["Marks"]


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

    def claim(self, key: str) -> str | None:
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

    def give_up(self, claim: str) -> None:
        """Ends a claim."""
        with self._index.database.writing() as connection:
            connection.execute("DELETE FROM flights WHERE id = :id", id=claim)
