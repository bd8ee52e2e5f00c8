"""Which entries make room for a new result, as the policy decides it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from couler_plugins.caching.artifacts.index import Kept
from couler_plugins.caching.artifacts.results import Admission
from couler_plugins.caching.policies.gdsf import GdsfSubtree
from couler_plugins.hookspecs.policies import CachePolicy
from couler_plugins.runs import Candidate, History

__all__ = ["choose", "default_policy", "room_beside", "shrink"]

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
