"""The tables of the index, and what a database must do for it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

__all__ = ["SCHEMA", "Connection", "Database", "Row"]

Row = tuple[Any, ...]

SCHEMA = (
    # What the store knows the index by, in one row.
    "CREATE TABLE IF NOT EXISTS identity (id TEXT PRIMARY KEY)",
    # The most bytes that all namespaces together (scope '') or one of them may take.
    "CREATE TABLE IF NOT EXISTS limits (scope TEXT PRIMARY KEY, bytes BIGINT NOT NULL)",
    # The sum of the bytes of the objects of each namespace.
    "CREATE TABLE IF NOT EXISTS usage (namespace TEXT PRIMARY KEY, bytes BIGINT NOT NULL)",
    # The results that can be seen.
    (
        "CREATE TABLE IF NOT EXISTS entries (namespace TEXT NOT NULL, key TEXT NOT NULL, manifest TEXT NOT NULL,"
        " used DOUBLE PRECISION NOT NULL, uses BIGINT NOT NULL, PRIMARY KEY (namespace, key))"
    ),
    # What is in the store, or may be: a row comes before its object and goes after it. `aside` is where its bytes are
    # written first. States: arriving (a writer is at it), stored, condemned (nobody needs it), dying (`owner` is
    # removing it).
    (
        "CREATE TABLE IF NOT EXISTS objects (namespace TEXT NOT NULL, name TEXT NOT NULL, bytes BIGINT NOT NULL,"
        " state TEXT NOT NULL, owner TEXT NOT NULL, aside TEXT NOT NULL, PRIMARY KEY (namespace, name))"
    ),
    "CREATE INDEX IF NOT EXISTS objects_by_state ON objects (state)",
    # Which objects an entry needs.
    (
        "CREATE TABLE IF NOT EXISTS links (namespace TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL,"
        " PRIMARY KEY (namespace, key, name))"
    ),
    "CREATE INDEX IF NOT EXISTS links_by_name ON links (namespace, name)",
    # Which objects somebody is reading (then `key` names the entry: a lease) or writing (then it is empty).
    (
        "CREATE TABLE IF NOT EXISTS holds (id TEXT NOT NULL, namespace TEXT NOT NULL, key TEXT NOT NULL,"
        " name TEXT NOT NULL, owner TEXT NOT NULL, PRIMARY KEY (id, namespace, name))"
    ),
    "CREATE INDEX IF NOT EXISTS holds_by_name ON holds (namespace, name)",
    "CREATE INDEX IF NOT EXISTS holds_by_key ON holds (namespace, key)",
    "CREATE INDEX IF NOT EXISTS holds_by_owner ON holds (owner)",
    # Who computes the result of a key at the moment.
    (
        "CREATE TABLE IF NOT EXISTS flights (namespace TEXT NOT NULL, key TEXT NOT NULL, id TEXT NOT NULL,"
        " owner TEXT NOT NULL, PRIMARY KEY (namespace, key))"
    ),
    (
        "CREATE TABLE IF NOT EXISTS pins (namespace TEXT NOT NULL, key TEXT NOT NULL, until DOUBLE PRECISION NOT NULL,"
        " PRIMARY KEY (namespace, key))"
    ),
    # The open caches that hold anything; what one holds ends with it, at `expires` at the latest.
    "CREATE TABLE IF NOT EXISTS owners (id TEXT PRIMARY KEY, expires DOUBLE PRECISION NOT NULL)",
)
"""The statements that make the tables, the same for every database."""


class Connection(Protocol):
    """A transaction. Values are given by name (`:name` in the statement); what fails raises OSError."""

    def execute(self, statement: str, **values: Any) -> list[Row]:
        """Runs a statement and returns its rows, none where it gives none."""


class Database(Protocol):
    """A database. What fails in it, or takes too long, raises OSError without credentials."""

    kind: ClassVar[str]
    """What `stats` calls it."""

    def one(self, statement: str, **values: Any) -> Row | None:
        """The first row of a query outside of any transaction, as fast as the database can."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one state of the database and changes nothing."""

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction that no other one of this kind overlaps."""

    def now(self) -> float:
        """The time that all users of this database agree on, in seconds since 1970."""

    def make_room(self) -> None:
        """On a full disk, gives up what is kept for that: else nothing could be removed, which is written down too."""

    def keep_room(self) -> None:
        """Keeps that again, where there is room."""

    def close(self) -> None:
        """Ends the connection of this process."""
