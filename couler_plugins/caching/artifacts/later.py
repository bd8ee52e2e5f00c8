"""What an index knows of manifests of a later version: that they and their blobs are there, and stay.

Such a manifest has no row among the entries, and links under its own name, which no key can have.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from couler_plugins.caching.artifacts import ledger
from couler_plugins.caching.artifacts.database import Connection
from couler_plugins.caching.artifacts.manifests import Later

__all__ = ["forget_gone", "keep", "kept"]


def keep(connection: Connection, namespace: str, name: str, later: Later, sizes: Mapping[str, int]) -> None:
    """Books a manifest of a later version and its blobs, so that they count and nothing removes them.

    Args:
        connection: the transaction.
        namespace: where.
        name: the manifest's.
        later: what it needs.
        sizes: the bytes of the blobs in the store.
    """
    for needed in (name, *sorted(later.blobs & sizes.keys())):
        if ledger.state_of(connection, namespace, needed) is None:
            ledger.add_object(connection, namespace, needed, sizes.get(needed, 0), state="stored")
        connection.execute(
            "UPDATE objects SET state = 'stored' WHERE namespace = :namespace AND name = :name"
            " AND state = 'condemned'",
            namespace=namespace, name=needed,
        )  # fmt: skip
        connection.execute(
            "INSERT INTO links (namespace, key, name) VALUES (:namespace, :key, :name)"
            " ON CONFLICT (namespace, key, name) DO NOTHING",
            namespace=namespace, key=name, name=needed,
        )  # fmt: skip


def kept(connection: Connection, namespace: str) -> list[str]:
    """The names of the manifests of a later version that the index knows."""
    rows = connection.execute(
        "SELECT DISTINCT key FROM links WHERE namespace = :namespace AND key LIKE 'entries/%' ORDER BY key",
        namespace=namespace,
    )
    return [row[0] for row in rows]


def forget_gone(connection: Connection, namespace: str, stored: Container[str]) -> None:
    """Lets go of what manifests needed that are in the store no more.

    Args:
        connection: the transaction.
        namespace: where.
        stored: the names of what is in the store.
    """
    for name in kept(connection, namespace):
        if name in stored:
            continue
        values = {"namespace": namespace, "key": name}
        needed = connection.execute("SELECT name FROM links WHERE namespace = :namespace AND key = :key", **values)
        names = [row[0] for row in needed]
        connection.execute("DELETE FROM links WHERE namespace = :namespace AND key = :key", **values)
        ledger.release(connection, namespace, names)
