"""The objects of a cache in its index: reserved before they are written, forgotten after they are removed.

Every function works inside a writing transaction. At all times the sum of the rows' bytes is at least what the store
takes, so a limit on that sum is a limit on the store, also after a process was killed anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from couler_plugins.caching.artifacts.database import Connection, Row


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


def limits_of(connection: Connection, namespace: str) -> Sequence[Row]:
    """The limits that hold in a namespace: the scope, the limit, and what is in use of it, in bytes."""
    return connection.execute(
        "SELECT scope, bytes, (SELECT COALESCE(SUM(bytes), 0) FROM usage u WHERE scope = '' OR u.namespace = scope)"
        " FROM limits WHERE scope = '' OR scope = :namespace ORDER BY scope",
        namespace=namespace,
    )


def reserve(
    connection: Connection,
    owner: str,
    hold: str,
    namespace: str,
    pieces: Sequence[tuple[str, int]],
    limits: Iterable[Row],
) -> Full | None:
    """Reserves bytes under the names of what will be written aside, unless a limit would be exceeded.

    Args:
        connection: the transaction.
        owner: who writes.
        hold: the name of this put; what it holds ends with it.
        namespace: where.
        pieces: the name and the bytes of each.
        limits: `limits_of` the namespace.
    """
    need = sum(size for _, size in pieces)
    for scope, limit, used in limits:
        if used + need > limit:
            return Full("the capacity of the cache" if not scope else f"the quota of {namespace}")
    for name, size in pieces:
        _insert(connection, namespace, name, size, state="arriving", aside=name)
        add_hold(connection, owner, hold, namespace, name)
    count(connection, namespace, need)
    return None


def arrive(
    connection: Connection,
    owner: str,
    hold: str,
    namespace: str,
    pieces: Sequence[Piece],
    states: Mapping[str, Sequence[Row]],
) -> list[Piece] | None:
    """Books what was written aside under its own name, and says which of it has yet to be published.

    None where an object of that name is being removed just now: try again. Equal content is stored once: where it is
    there already, the put holds that and lets go of what it wrote.

    Args:
        connection: the transaction.
        owner: who writes.
        hold: the name of the put.
        namespace: where.
        pieces: what was written aside.
        states: `states_of` the names of the pieces.
    """
    now = {name: rows[0][0] if rows else None for name, rows in states.items()}
    if "dying" in now.values():
        return None
    pending = []
    for piece in pieces:
        state = now[piece.name]
        values = {"namespace": namespace, "name": piece.name, "aside": piece.aside}
        if state != "stored":
            pending.append(piece)
            now[piece.name] = "arriving"
        if state is None:
            connection.execute(
                "UPDATE objects SET name = :name WHERE namespace = :namespace AND name = :aside", **values
            )
            _let_go(connection, hold, piece.aside)
        elif state == "condemned":
            connection.execute(
                "UPDATE objects SET state = 'arriving' WHERE namespace = :namespace AND name = :name", **values
            )
        add_hold(connection, owner, hold, namespace, piece.name)
        if state == "stored":
            _let_go(connection, hold, piece.aside)
            release(connection, namespace, [piece.aside])
    return pending


def settle(
    connection: Connection, hold: str, namespace: str, pieces: Sequence[Piece], states: Mapping[str, Sequence[Row]]
) -> None:
    """Books published objects as stored.

    What a piece was written to is empty now, so its reservation goes. A row may still name the place where another
    writer of the same content writes: that becomes a row of its own, held by whoever holds the object.
    """
    asides = {name: (rows[0][1], rows[0][2]) for name, rows in states.items() if rows}
    for piece in pieces:
        values = {"namespace": namespace, "name": piece.name}
        size, aside = asides[piece.name]
        asides[piece.name] = (size, "")
        forget(connection, namespace, piece.aside)
        if aside and aside != piece.aside and state_of(connection, namespace, aside) is None:
            add_object(connection, namespace, aside, size, state="arriving", aside=aside)
            connection.execute(
                "INSERT INTO holds (id, namespace, key, name, owner)"
                " SELECT id, namespace, '', :aside, owner FROM holds"
                " WHERE namespace = :namespace AND name = :name AND key = '' AND id <> :id"
                " ON CONFLICT (id, namespace, name) DO NOTHING",
                id=hold, aside=aside, **values,
            )  # fmt: skip
            release(connection, namespace, [aside])
        connection.execute(
            "UPDATE objects SET state = 'stored', aside = '' WHERE namespace = :namespace AND name = :name", **values
        )


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


def reservation_of(connection: Connection, hold: str) -> Sequence[Row]:
    """The names of what is held."""
    return connection.execute("SELECT name FROM holds WHERE id = :id", id=hold)


def end_hold(connection: Connection, hold: str) -> None:
    """Ends a lease or a put, and condemns what nobody needs then."""
    connection.execute(
        "UPDATE objects SET state = 'condemned', owner = '' WHERE state IN ('arriving', 'stored')"
        " AND (namespace, name) IN (SELECT namespace, name FROM holds WHERE id = :id)"
        " AND NOT EXISTS (SELECT 1 FROM links l WHERE l.namespace = objects.namespace AND l.name = objects.name)"
        " AND NOT EXISTS (SELECT 1 FROM holds h"
        "  WHERE h.namespace = objects.namespace AND h.name = objects.name AND h.id <> :id)",
        id=hold,
    )
    connection.execute("DELETE FROM holds WHERE id = :id", id=hold)


def add_object(connection: Connection, namespace: str, name: str, size: int, *, state: str, aside: str = "") -> None:
    """Books an object that has no row yet."""
    _insert(connection, namespace, name, size, state=state, aside=aside)
    count(connection, namespace, size)


def add_hold(connection: Connection, owner: str, hold: str, namespace: str, name: str) -> None:
    """Holds an object for a writer; a second time changes nothing."""
    connection.execute(
        "INSERT INTO holds (id, namespace, key, name, owner) VALUES (:id, :namespace, '', :name, :owner)"
        " ON CONFLICT (id, namespace, name) DO NOTHING",
        id=hold, namespace=namespace, name=name, owner=owner,
    )  # fmt: skip


def limit_of(connection: Connection, scope: str) -> int | None:
    """The capacity (scope '') or the quota of a namespace."""
    rows = connection.execute("SELECT bytes FROM limits WHERE scope = :scope", scope=scope)
    return rows[0][0] if rows else None


def used_bytes(connection: Connection, scope: str) -> int:
    """The bytes booked for a namespace, or for all (scope '')."""
    rows = connection.execute(
        "SELECT COALESCE(SUM(bytes), 0) FROM usage WHERE :scope = '' OR namespace = :scope", scope=scope
    )
    return int(rows[0][0])


def states_of(connection: Connection, namespace: str, names: Iterable[str]) -> dict[str, Sequence[Row]]:
    """The state, bytes and aside of objects, as rows to be looked at; none where there is no such object."""
    statement = "SELECT state, bytes, aside FROM objects WHERE namespace = :namespace AND name = :name"
    return {name: connection.execute(statement, namespace=namespace, name=name) for name in names}


def state_of(connection: Connection, namespace: str, name: str) -> str | None:
    """The state of an object; None where it has no row."""
    rows = states_of(connection, namespace, [name])[name]
    return rows[0][0] if rows else None


def forget(connection: Connection, namespace: str, name: str, owner: str = "") -> None:
    """Forgets an object whose bytes are gone, unless another than `owner` is removing it."""
    values = {"namespace": namespace, "name": name, "owner": owner}
    which = "FROM objects WHERE namespace = :namespace AND name = :name AND owner = :owner"
    connection.execute(
        f"UPDATE usage SET bytes = bytes - COALESCE((SELECT bytes {which}), 0) WHERE namespace = :namespace",  # noqa: S608  # of parts that stand here; values are bound
        **values,
    )
    connection.execute(f"DELETE {which}", **values)


def count(connection: Connection, namespace: str, size: int) -> None:
    """Adds to the bytes of a namespace."""
    connection.execute(
        "INSERT INTO usage (namespace, bytes) VALUES (:namespace, :bytes)"
        " ON CONFLICT (namespace) DO UPDATE SET bytes = usage.bytes + excluded.bytes",
        namespace=namespace, bytes=size,
    )  # fmt: skip


def _insert(connection: Connection, namespace: str, name: str, size: int, *, state: str, aside: str) -> None:
    connection.execute(
        "INSERT INTO objects (namespace, name, bytes, state, owner, aside)"
        " VALUES (:namespace, :name, :bytes, :state, '', :aside)",
        namespace=namespace, name=name, bytes=size, state=state, aside=aside,
    )  # fmt: skip


def _let_go(connection: Connection, hold: str, name: str) -> None:
    connection.execute("DELETE FROM holds WHERE id = :id AND name = :name", id=hold, name=name)
