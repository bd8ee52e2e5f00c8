"""Which entries make room for a new result, as the policy decides it; and how much of a cache is in use."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from couler_plugins.caching.artifacts import ledger
from couler_plugins.caching.artifacts.index import Index, Kept
from couler_plugins.caching.artifacts.results import Admission, Usage
from couler_plugins.caching.policies.gdsf import GdsfSubtree
from couler_plugins.hookspecs.policies import CachePolicy
from couler_plugins.runs import Candidate, History

log = logging.getLogger(__name__)


def default_policy() -> CachePolicy:
    """GDSF by the recompute cost of what lies behind a result: it decides on one result at a time."""
    return GdsfSubtree()


def room_beside(kept: Iterable[Kept], used: int, limit: int) -> int:
    """The bytes of a limit that what may be evicted and what is new can share.

    Args:
        kept: all entries; the bytes of blobs that only those need which may be evicted count as free.
        used: what is in use of the limit, without what is about to be removed.
        limit: the limit.
    """
    free: dict[str, int] = {}
    needed: set[str] = set()
    for item in kept:
        for output in item.entry.outputs:
            if item.free:
                free[output.sha256] = output.bytes
            else:
                needed.add(output.sha256)
    return limit - used + sum(size for digest, size in free.items() if digest not in needed)


def choose(policy: CachePolicy, history: History, kept: Sequence[Kept], new: Candidate, room: int) -> Admission:
    """Whether a new result is worth the room that it takes, and what goes for it.

    Args:
        policy: decides; its `online` form does.
        history: the runs that it knows.
        kept: all entries of the namespace.
        new: the result.
        room: the bytes that those which may be evicted and the new one can share.
    """
    if new.bytes > room:
        return Admission(admitted=False, reason=f"its {new.bytes} bytes do not fit beside what cannot be evicted now")
    free = [item for item in kept if item.free and item.entry.key != new.key]
    stay = shrink(policy.online(), history, free, room, new=new)
    if new.key not in stay:
        return Admission(admitted=False, reason="the policy prefers the results that are stored")
    return Admission(admitted=True, evicted=tuple(item.entry for item in free if item.entry.key not in stay))


def shrink(
    policy: CachePolicy, history: History, free: Sequence[Kept], room: int, *, new: Candidate | None = None
) -> frozenset[str]:
    """The keys that the policy keeps in so many bytes.

    Raises:
        ValueError: the policy failed, or kept more than fits.
    """
    candidates = [item.entry.candidate(used=item.used, uses=item.uses) for item in free]
    candidates += [new] if new is not None else []
    try:
        stay = frozenset(policy.keep(candidates, max(0, room), history))
    except Exception as error:  # a plugin may raise anything, and no step may fail for it
        log.info("the traceback of the policy %s:", policy.name, exc_info=error)
        raise ValueError(f"the policy {policy.name} failed: {type(error).__name__}") from error
    stay &= {candidate.key for candidate in candidates}
    if sum(candidate.bytes for candidate in candidates if candidate.key in stay) > max(0, room):
        raise ValueError(f"the policy {policy.name} keeps more than fits")
    return stay


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
