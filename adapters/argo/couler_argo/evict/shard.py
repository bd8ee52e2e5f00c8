"""The change to one ConfigMap: made for one version of it, written only if that is the version still.

Argo reads a ConfigMap and writes it back for every hit and every result. Where somebody else has written in between,
Argo 4 tries five times, and Argo 3 fails the step (`workflow/controller/cache/configmap_cache.go`). So we write each
ConfigMap once a round, and only after it has been left alone for a while; one that is never left alone is written to
only where it is too full otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import NamedTuple

import stamina

from couler_argo.evict.api import Changed, Cluster
from couler_argo.evict.artifacts import EVICTED, Grave, Repository, graves_in, graves_text, with_graves
from couler_argo.evict.choice import HALF, Chooser
from couler_argo.memo_entries import Entry, Shard, shard_of
from couler_plugins.hookspecs.eviction import Limits, Outcome

WRITES = 6
BUSY = "the ConfigMap is in use all the time; the next round tries again"
FULL = "as many artifacts of it wait for their deletion as can be written down"
ELSEWHERE = "somebody else removed it"
USED = "used again since this round began"
CROWDED = "its ConfigMap would be over half of what Kubernetes takes"
UNREADABLE = "no entry that Argo could read"


@dataclass(frozen=True)
class Wish:
    """What is to become of one ConfigMap.

    Attributes:
        doomed: entries that are not worth keeping, as they were read, with the reason.
        deleted: keys of artifacts that are deleted by now, and need not be remembered.
    """

    doomed: Mapping[str, tuple[Entry, str]]
    deleted: Set[str]


class Change(NamedTuple):
    """What became of one ConfigMap: of the entries that are not simply kept, the outcome, the reason, and the entry."""

    outcomes: Mapping[str, tuple[Outcome, str, Entry | None]]
    waiting: int
    remaining: int


class ShardWriter:
    """Carries out wishes in one namespace.

    Args:
        cluster: the cluster.
        namespace: the namespace.
        chooser: decides what goes from a ConfigMap that is too full; None where nothing goes but what somebody has
            named, used or not.
        repository: where artifacts can be deleted; None where nobody can.
        limits: how long to wait, and whether to write at all.
        now: the time of this round, in seconds since 1970.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        chooser: Chooser | None,
        repository: Repository | None,
        limits: Limits,
        now: float,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._chooser = chooser
        self._repository = repository
        self._limits = limits
        self._now = now

    def carry_out(self, shard: Shard, wish: Wish) -> Change:
        """Writes what is to be written; `shard` was read at least `limits.settle` seconds ago.

        Raises:
            EngineError: the cluster failed.
        """
        retries = stamina.retry_context(on=Changed, attempts=WRITES, wait_initial=0.05, wait_max=2.0, timeout=None)
        current: Shard | None = shard
        change = Change({key: ("evicted", ELSEWHERE, entry) for key, (entry, _) in wish.doomed.items()}, 0, 0)
        try:
            for attempt in retries:
                with attempt:
                    if attempt.num > 1:
                        current = self._read_again(shard.name, hurry=attempt.num > WRITES - 2)
                    change = change if current is None else self._write(current, wish)
        except Changed:
            kept = graves_in(shard.annotations)
            return Change({key: ("postponed", BUSY, entry) for key, (entry, _) in wish.doomed.items()}, len(kept), 0)
        return change

    def _read_again(self, name: str, *, hurry: bool) -> Shard | None:
        """A ConfigMap as it is after it has been left alone; at once where it is too full and there is a hurry."""
        document = self._cluster.cache(self._namespace, name)
        shard = None if document is None else shard_of(document)
        if shard is not None and not (hurry and shard.bytes > HALF):
            time.sleep(self._limits.settle)
        return shard

    def _write(self, shard: Shard, wish: Wish) -> Change:
        old = graves_in(shard.annotations)
        draft = _Draft(
            {key: grave for key, grave in old.items() if key not in wish.deleted}, self._repository, self._now
        )
        for key, why in shard.unreadable.items() if shard.ours and self._chooser is not None else ():
            draft.drop(key, f"{UNREADABLE} ({why})")
        for key, (entry, reason) in wish.doomed.items():
            current = shard.entries.get(key)
            if current is None:
                draft.outcomes[key] = "evicted", ELSEWHERE, entry
            elif self._chooser is not None and current.text != entry.text:
                draft.outcomes[key] = "kept", USED, current
            else:
                draft.evict(current, reason)
        for key in sorted(self._chooser.crowded_out(shard, draft.going)) if self._chooser is not None else ():
            draft.evict(shard.entries[key], CROWDED, must=True)
        if not self._limits.dry_run and (draft.going or draft.graves != old):
            annotations = {EVICTED: graves_text(draft.graves)}
            data = dict.fromkeys(sorted(draft.going))
            self._cluster.change(self._namespace, shard.name, shard.version, data, annotations)
        return Change(draft.outcomes, len(draft.graves), draft.remaining)


class _Draft:
    """A change in the making.

    Attributes:
        outcomes: of the entries looked at so far.
        going: the keys of those that are removed.
        graves: the artifacts that wait for their deletion then.
        left: how many artifacts stay for good.
    """

    def __init__(self, graves: dict[str, Grave], repository: Repository | None, now: float) -> None:
        self.outcomes: dict[str, tuple[Outcome, str, Entry | None]] = {}
        self.going: set[str] = set()
        self.graves = graves
        self.remaining = 0
        self._repository = repository
        self._now = now

    def drop(self, key: str, reason: str) -> None:
        """Removes what is no entry."""
        self.outcomes[key] = "dropped", reason, None
        self.going.add(key)

    def evict(self, entry: Entry, reason: str, *, must: bool = False) -> None:
        """Removes an entry and writes its artifacts down; where they have no room it stays, unless it must go."""
        repository = self._repository
        ours = [item for item in entry.artifacts if repository and item.deletable and repository.reaches(item)]
        graves = with_graves(self.graves, ours, self._now)
        if graves is None and not must:
            self.outcomes[entry.key] = "postponed", FULL, entry
            return
        self.outcomes[entry.key] = "evicted", reason, entry
        self.going.add(entry.key)
        self.remaining += len(entry.artifacts) - (0 if graves is None else len(ours))
        self.graves = self.graves if graves is None else graves
