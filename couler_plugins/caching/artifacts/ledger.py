"""The objects of a cache in its index: reserved before they are written, forgotten after they are removed.

Every function works inside a writing transaction. At all times the sum of the rows' bytes is at least what the store
takes, so a limit on that sum is a limit on the store, also after a process was killed anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from couler_plugins.caching.artifacts.database import Connection

__all__ = ["Doomed", "Full", "Piece", "arrive", "bury", "finish", "let_go", "release", "reserve", "take_condemned"]


class Full(msgspec.Struct, frozen=True):
    """There is no room: which limit is reached."""

    limit: str


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """An object that a writer is about to publish.

    Attributes:
        aside: where its bytes were written first, which is the name of its reservation.
        name: its own name.
    """

    aside: str
    name: str


class Doomed(NamedTuple):
    """An object that has to be removed from the store, and what was written aside for it."""

    namespace: str
    name: str
    aside: str


def reserve(
    connection: Connection, owner: str, hold: str, namespace: str, pieces: Sequence[tuple[str, int]]
) -> Full | None:
    """Reserves bytes under the names of what will be written aside, unless a limit would be exceeded.

    Args:
        connection: the transaction.
        owner: who writes.
        hold: the name of this put; what it holds ends with it.
        namespace: where.
        pieces: the name and the bytes of each.
    """
    need = sum(size for _, size in pieces)
    for scope, what in (("", "the capacity of the cache"), (namespace, f"the quota of {namespace}")):
        limit = limit_of(connection, scope)
        if limit is not None and used_bytes(connection, scope) + need > limit:
            return Full(what)
    for name, size in pieces:
        add_object(connection, namespace, name, size, state="arriving", aside=name)
        add_hold(connection, owner, hold, namespace, name)
    return None


def arrive(
    connection: Connection, owner: str, hold: str, namespace: str, pieces: Sequence[Piece]
) -> list[Piece] | None:
    """Books what was written aside under its own name, and says which of it has yet to be published.

    None where an object of that name is being removed just now: try again. Equal content is stored once: where it is
    there already, the put holds that and lets go of what it wrote.
    """
    if any(state_of(connection, namespace, piece.name) == "dying" for piece in pieces):
        return None
    pending = []
    for piece in pieces:
        state = state_of(connection, namespace, piece.name)
        if state != "stored":
            pending.append(piece)
        if state is None:
            connection.execute(
                "UPDATE objects SET name = :name WHERE namespace = :namespace AND name = :aside",
                name=piece.name, namespace=namespace, aside=piece.aside,
            )  # fmt: skip
            let_go(connection, hold, [piece.aside])
        elif state == "condemned":
            _set_state(connection, namespace, piece.name, "arriving")
        add_hold(connection, owner, hold, namespace, piece.name)
        if state == "stored":
            let_go(connection, hold, [piece.aside])
            release(connection, namespace, [piece.aside])
    return pending


def settle(connection: Connection, hold: str, namespace: str, pieces: Iterable[Piece]) -> None:
    """Books published objects as stored.

    What a piece was written to is empty now, so its reservation goes. A row may still name the place where another
    writer of the same content writes: that becomes a row of its own, held by whoever holds the object.
    """
    for piece in pieces:
        size, aside = connection.execute(
            "SELECT bytes, aside FROM objects WHERE namespace = :namespace AND name = :name",
            namespace=namespace, name=piece.name,
        )[0]  # fmt: skip
        forget(connection, namespace, piece.aside)
        if aside and aside != piece.aside and state_of(connection, namespace, aside) is None:
            add_object(connection, namespace, aside, size, state="arriving", aside=aside)
            writers = connection.execute(
                "SELECT id, owner FROM holds WHERE namespace = :namespace AND name = :name AND key = '' AND id <> :id",
                namespace=namespace, name=piece.name, id=hold,
            )  # fmt: skip
            for writer, whose in writers:
                add_hold(connection, whose, writer, namespace, aside)
            release(connection, namespace, [aside])
        connection.execute(
            "UPDATE objects SET state = 'stored', aside = '' WHERE namespace = :namespace AND name = :name",
            namespace=namespace, name=piece.name,
        )  # fmt: skip


def release(connection: Connection, namespace: str, names: Iterable[str]) -> None:
    """Condemns those of the objects that no entry links and nobody holds."""
    for name in names:
        connection.execute(
            "UPDATE objects SET state = 'condemned', owner = '' WHERE namespace = :namespace AND name = :name"
            " AND state IN ('arriving', 'stored')"
            " AND NOT EXISTS (SELECT 1 FROM links WHERE namespace = :namespace AND name = :name)"
            " AND NOT EXISTS (SELECT 1 FROM holds WHERE namespace = :namespace AND name = :name)",
            namespace=namespace, name=name,
        )  # fmt: skip


def let_go(connection: Connection, hold: str, names: Iterable[str] | None = None) -> list[tuple[str, str]]:
    """Ends a hold, on all that it holds or on some; returns what it was, as (namespace, name)."""
    held = [(row[0], row[1]) for row in connection.execute("SELECT namespace, name FROM holds WHERE id = :id", id=hold)]
    if names is None:
        connection.execute("DELETE FROM holds WHERE id = :id", id=hold)
        return held
    wanted = set(names)
    for name in wanted:
        connection.execute("DELETE FROM holds WHERE id = :id AND name = :name", id=hold, name=name)
    return [(namespace, name) for namespace, name in held if name in wanted]


def touch(connection: Connection, owner: str, expires: float) -> None:
    """Says that an owner lives, until then."""
    connection.execute(
        "INSERT INTO owners (id, expires) VALUES (:id, :expires)"
        " ON CONFLICT (id) DO UPDATE SET expires = excluded.expires",
        id=owner, expires=expires,
    )  # fmt: skip


def bury(connection: Connection, now: float, lifetime: float) -> None:
    """Ends what owners hold whose time is over.

    A clock that was set back leaves times in the future. What expires later than a lease that began now could, twice
    over, is over as well: its owner renews it soon where it lives, and else nobody would ever.
    """
    dead = connection.execute(
        "SELECT id FROM owners WHERE expires <= :now OR expires > :latest", now=now, latest=now + 2 * lifetime
    )
    for (owner,) in dead:
        forget_owner(connection, owner)


def forget_owner(connection: Connection, owner: str) -> None:
    """Ends all that an owner holds, claims, and was about to remove."""
    held = connection.execute("SELECT namespace, name FROM holds WHERE owner = :owner", owner=owner)
    connection.execute("DELETE FROM holds WHERE owner = :owner", owner=owner)
    connection.execute("DELETE FROM flights WHERE owner = :owner", owner=owner)
    connection.execute(
        "UPDATE objects SET state = 'condemned', owner = '' WHERE state = 'dying' AND owner = :owner", owner=owner
    )
    connection.execute("DELETE FROM owners WHERE id = :owner", owner=owner)
    for namespace, name in held:
        release(connection, namespace, [name])


def take_condemned(connection: Connection, owner: str, limit: int) -> list[Doomed]:
    """Objects that this owner is to remove from the store now; nobody else touches them."""
    rows = connection.execute(
        "SELECT namespace, name, aside FROM objects WHERE state = 'condemned' ORDER BY namespace, name LIMIT :limit",
        limit=limit,
    )
    for namespace, name, _ in rows:
        connection.execute(
            "UPDATE objects SET state = 'dying', owner = :owner WHERE namespace = :namespace AND name = :name",
            owner=owner, namespace=namespace, name=name,
        )  # fmt: skip
    return [Doomed(*row) for row in rows]


def finish(connection: Connection, owner: str, gone: Iterable[Doomed], kept: Iterable[Doomed]) -> None:
    """Forgets the objects that are gone from the store; those that could not be removed wait for the next time."""
    for doomed in gone:
        mine = connection.execute(
            "SELECT 1 FROM objects WHERE namespace = :namespace AND name = :name"
            " AND state = 'dying' AND owner = :owner",
            namespace=doomed.namespace, name=doomed.name, owner=owner,
        )  # fmt: skip
        if mine:
            forget(connection, doomed.namespace, doomed.name)
    for doomed in kept:
        connection.execute(
            "UPDATE objects SET state = 'condemned', owner = '' WHERE namespace = :namespace AND name = :name"
            " AND state = 'dying' AND owner = :owner",
            namespace=doomed.namespace, name=doomed.name, owner=owner,
        )  # fmt: skip


def add_object(connection: Connection, namespace: str, name: str, size: int, *, state: str, aside: str = "") -> None:
    """Books an object that has no row yet."""
    connection.execute(
        "INSERT INTO objects (namespace, name, bytes, state, owner, aside)"
        " VALUES (:namespace, :name, :bytes, :state, '', :aside)",
        namespace=namespace, name=name, bytes=size, state=state, aside=aside,
    )  # fmt: skip
    count(connection, namespace, size)


def add_hold(connection: Connection, owner: str, hold: str, namespace: str, name: str, *, key: str = "") -> None:
    """Holds an object; a second time changes nothing."""
    connection.execute(
        "INSERT INTO holds (id, namespace, key, name, owner) VALUES (:id, :namespace, :key, :name, :owner)"
        " ON CONFLICT (id, namespace, name) DO NOTHING",
        id=hold, namespace=namespace, key=key, name=name, owner=owner,
    )  # fmt: skip


def limit_of(connection: Connection, scope: str) -> int | None:
    """The capacity (scope '') or the quota of a namespace."""
    found = connection.execute("SELECT bytes FROM limits WHERE scope = :scope", scope=scope)
    return found[0][0] if found else None


def used_bytes(connection: Connection, scope: str) -> int:
    """The bytes booked for a namespace, or for all (scope '')."""
    found = connection.execute(
        "SELECT COALESCE(SUM(bytes), 0) FROM usage WHERE :scope = '' OR namespace = :scope", scope=scope
    )
    return int(found[0][0])


def state_of(connection: Connection, namespace: str, name: str) -> str | None:
    """The state of an object; None where it has no row."""
    found = connection.execute(
        "SELECT state FROM objects WHERE namespace = :namespace AND name = :name", namespace=namespace, name=name
    )
    return found[0][0] if found else None


def forget(connection: Connection, namespace: str, name: str) -> None:
    row = connection.execute(
        "SELECT bytes FROM objects WHERE namespace = :namespace AND name = :name", namespace=namespace, name=name
    )
    if row:
        connection.execute(
            "DELETE FROM objects WHERE namespace = :namespace AND name = :name", namespace=namespace, name=name
        )
        count(connection, namespace, -row[0][0])


def _set_state(connection: Connection, namespace: str, name: str, state: str) -> None:
    connection.execute(
        "UPDATE objects SET state = :state, owner = '' WHERE namespace = :namespace AND name = :name",
        state=state, namespace=namespace, name=name,
    )  # fmt: skip


def count(connection: Connection, namespace: str, size: int) -> None:
    """Adds to the bytes of a namespace."""
    connection.execute(
        "INSERT INTO usage (namespace, bytes) VALUES (:namespace, :bytes)"
        " ON CONFLICT (namespace) DO UPDATE SET bytes = usage.bytes + excluded.bytes",
        namespace=namespace, bytes=size,
    )  # fmt: skip
