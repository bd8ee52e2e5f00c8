"""The tables of the index, and what a database must do for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

Row = tuple[Any, ...]

SCHEMA = (
    # What the store knows the index by, in one row.
    "CREATE TABLE IF NOT EXISTS identity (id TEXT PRIMARY KEY)",
    # The most bytes that all namespaces together (scope '') or one of them may take.
    "CREATE TABLE IF NOT EXISTS limits (scope TEXT PRIMARY KEY, bytes BIGINT NOT NULL)",
    # The sum of the bytes of the objects of each namespace; that there is one of '' says that all were looked for.
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
    # Only what is to be removed is looked for by its state.
    "CREATE INDEX IF NOT EXISTS objects_condemned ON objects (namespace, name) WHERE state = 'condemned'",
    "CREATE INDEX IF NOT EXISTS objects_dying ON objects (owner, namespace) WHERE state = 'dying'",
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
    # The open caches that hold anything; what one holds ends with it, at `expires` at the latest, which is `lifetime`
    # seconds after it was renewed.
    (
        "CREATE TABLE IF NOT EXISTS owners (id TEXT PRIMARY KEY, expires DOUBLE PRECISION NOT NULL,"
        " lifetime DOUBLE PRECISION NOT NULL)"
    ),
)
"""The statements that make the tables, the same for every database."""

LIFETIME = "ALTER TABLE owners ADD COLUMN lifetime DOUBLE PRECISION NOT NULL DEFAULT 60"
"""What an index lacks that was made when every lease lasted as long."""


class Broken(OSError):
    """What is in the file is no database, or a damaged one."""


class Connection(Protocol):
    """A transaction. Values are given by name (`:name` in the statement)."""

    def execute(self, statement: str, **values: Any) -> Sequence[Row]:
        """Runs a statement, after all those before it; its rows.

        A database that is far away is sent several statements at once: when the rows of one of them are looked at, and
        at the end. So whoever looks late waits once. What fails raises OSError, by then at the latest. The rows can
        also be looked at after the transaction.
        """


class Database(Protocol):
    """A database. What fails in it, or takes too long, raises OSError without credentials; what comes after
    `close` raises Closed. A forked process has connections of its own.
    """

    kind: ClassVar[str]
    """What `stats` calls it."""

    read_only: bool
    """Whether it can only be read: then `writing` raises OSError."""

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
