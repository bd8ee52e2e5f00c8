"""How much of a cache is in use, and how much may be."""

from __future__ import annotations

from couler_plugins.caching.artifacts import ledger
from couler_plugins.caching.artifacts.index import Index
from couler_plugins.caching.artifacts.results import Usage

__all__ = ["capacity_and_bytes", "counts", "held_and_limits", "usage_by_namespace"]


def held_and_limits(index: Index) -> list[tuple[int, int | None]]:
    """Bytes that stay, and the limit on them: of the whole cache, and of the index's namespace.

    What is condemned does not stay: it goes before anything else has to.
    """
    with index.database.reading() as connection:
        rows = [
            (
                connection.execute(
                    "SELECT (SELECT COALESCE(SUM(bytes), 0) FROM usage WHERE :scope = '' OR namespace = :scope)"
                    " - (SELECT COALESCE(SUM(bytes), 0) FROM objects WHERE state = 'condemned'"
                    " AND (:scope = '' OR namespace = :scope))"
                    " - (SELECT COALESCE(SUM(bytes), 0) FROM objects WHERE state = 'dying'"
                    " AND (:scope = '' OR namespace = :scope))",
                    scope=scope,
                ),
                connection.execute("SELECT bytes FROM limits WHERE scope = :scope", scope=scope),
            )
            for scope in ("", index.namespace)
        ]
    return [(int(used[0][0]), limit[0][0] if limit else None) for used, limit in rows]


def usage_by_namespace(index: Index) -> dict[str, Usage]:
    """What each namespace takes."""
    with index.database.reading() as connection:
        rows = connection.execute("SELECT namespace, bytes FROM usage WHERE namespace <> '' ORDER BY namespace")
        counted = connection.execute("SELECT namespace, COUNT(*) FROM entries GROUP BY namespace")
        limited = connection.execute("SELECT scope, bytes FROM limits")
    entries = {row[0]: int(row[1]) for row in counted}
    limits = {row[0]: int(row[1]) for row in limited}
    return {name: Usage(entries=entries.get(name, 0), bytes=int(size), quota=limits.get(name)) for name, size in rows}


def capacity_and_bytes(index: Index) -> tuple[int | None, int]:
    """The capacity of the whole cache, and the bytes in use of it."""
    with index.database.reading() as connection:
        return ledger.limit_of(connection, ""), ledger.used_bytes(connection, "")


def counts(index: Index) -> tuple[int, int, int]:
    """Leases and writers that live, pins that hold, and uses of the entries, in the index's namespace."""
    now = index.now()
    values = {"namespace": index.namespace}
    with index.database.reading() as connection:
        leases = connection.execute(
            "SELECT COUNT(DISTINCT h.id) FROM holds h JOIN owners o ON o.id = h.owner"
            " WHERE h.namespace = :namespace AND o.expires > :now AND o.expires <= :now + 2 * o.lifetime",
            now=now, **values,
        )  # fmt: skip
        pins = connection.execute(
            "SELECT COUNT(*) FROM pins WHERE namespace = :namespace AND until > :now", now=now, **values
        )
        uses = connection.execute("SELECT COALESCE(SUM(uses), 0) FROM entries WHERE namespace = :namespace", **values)
    return leases[0][0], pins[0][0], int(uses[0][0])
