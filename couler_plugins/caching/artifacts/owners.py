"""Who uses an index at the moment, and what ends with them.

Every function works inside a writing transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from couler_plugins.caching.artifacts import ledger
from couler_plugins.caching.artifacts.database import Connection, Row


class Doomed(NamedTuple):
    """An object that has to be removed from the store, and what was written aside for it."""

    namespace: str
    name: str
    aside: str


def touch(connection: Connection, owner: str, now: float, lifetime: float) -> None:
    """Says that an owner lives, for so many seconds from now."""
    connection.execute(
        "INSERT INTO owners (id, expires, lifetime) VALUES (:id, :expires, :lifetime)"
        " ON CONFLICT (id) DO UPDATE SET expires = excluded.expires, lifetime = excluded.lifetime",
        id=owner, expires=now + lifetime, lifetime=lifetime,
    )  # fmt: skip


def overdue(connection: Connection, now: float) -> Sequence[Row]:
    """The owners whose time is over.

    A clock that was set back leaves times in the future. What expires later than a lease that began now could, twice
    over, is over as well: its owner renews it soon where it lives, and else nobody would ever.
    """
    return connection.execute("SELECT id FROM owners WHERE expires <= :now OR expires > :now + 2 * lifetime", now=now)


def end(connection: Connection, owners: Iterable[Row]) -> None:
    """Ends all that owners hold, claim, and were about to remove."""
    for (owner,) in owners:
        for (hold,) in connection.execute("SELECT DISTINCT id FROM holds WHERE owner = :owner", owner=owner):
            ledger.end_hold(connection, hold)
        connection.execute("DELETE FROM flights WHERE owner = :owner", owner=owner)
        connection.execute(
            "UPDATE objects SET state = 'condemned', owner = '' WHERE state = 'dying' AND owner = :owner", owner=owner
        )
        connection.execute("DELETE FROM owners WHERE id = :owner", owner=owner)


def bury(connection: Connection, now: float) -> None:
    """Ends what owners hold whose time is over."""
    end(connection, overdue(connection, now))


def take_condemned(connection: Connection, owner: str, limit: int) -> Sequence[Row]:
    """Objects (`Doomed`) that this owner is to remove from the store now; nobody else touches them."""
    first = "SELECT namespace, name{} FROM objects WHERE state = 'condemned' ORDER BY namespace, name LIMIT :limit"
    rows = connection.execute(first.format(", aside"), limit=limit)
    connection.execute(
        f"UPDATE objects SET state = 'dying', owner = :owner WHERE (namespace, name) IN ({first.format('')})",  # noqa: S608  # of parts that stand here; values are bound
        owner=owner, limit=limit,
    )  # fmt: skip
    return rows


def finish(connection: Connection, owner: str, gone: Iterable[Doomed], kept: Iterable[Doomed]) -> None:
    """Forgets the objects that are gone from the store; those that could not be removed wait for the next time."""
    for doomed in gone:
        ledger.forget(connection, doomed.namespace, doomed.name, owner)
    for doomed in kept:
        connection.execute(
            "UPDATE objects SET state = 'condemned', owner = '' WHERE namespace = :namespace AND name = :name"
            " AND state = 'dying' AND owner = :owner",
            namespace=doomed.namespace, name=doomed.name, owner=owner,
        )  # fmt: skip
