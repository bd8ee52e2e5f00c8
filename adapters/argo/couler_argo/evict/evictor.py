"""The facet `evictor`: Argo's memoization, which never evicts by itself, under a policy and a capacity.

One round in one namespace: look, choose, delete what has waited long enough, write.

Argo keeps the results of all namespaces in that of its controller (`NewCacheFactory` in
`workflow/controller/controller.go`). So the caches of one namespace are looked at, and the workflows of all. Workflows
are listed before caches: what a running workflow was given by a cache, it refers to by then.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from couler_argo.evict.api import Cluster
from couler_argo.evict.artifacts import Grave, Repository, graves_in
from couler_argo.evict.choice import Chooser
from couler_argo.evict.cron import manifests
from couler_argo.evict.removal import remove_selected
from couler_argo.evict.shard import Change, ShardWriter, Wish
from couler_argo.history import run_of
from couler_argo.live_runs import is_live, live_of
from couler_argo.memo_entries import Shard, shard_of
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.hookspecs.eviction import Evicted, Eviction, Limits, Schedule, Selection, Target
from couler_plugins.runs import History, Run

log = logging.getLogger(__name__)


class ArgoEvictor:
    """The facet for one cluster; see `couler_plugins.hookspecs.eviction.Evictor`."""

    def __init__(self, target: Target) -> None:
        self._target = target

    @cached_property
    def _cluster(self) -> Cluster:
        return Cluster(self._target.context)

    def namespaces(self) -> Sequence[str]:
        """Those that were named; or all with caches; or the one of the context."""
        target = self._target
        return self._cluster.namespaces() if target.every_namespace else target.namespaces or (self._cluster.namespace,)

    def evict(self, namespace: str, policy: CachePolicy, limits: Limits) -> Evicted:
        """One round; see `evict_round`."""
        return evict_round(
            self._cluster,
            namespace,
            policy,
            limits,
            managed=self._target.managed,
            repository=self._repository,
            foreign=self._target.foreign,
        )

    def remove(self, namespace: str, selection: Selection, limits: Limits) -> Evicted:
        """Removes what templates have made; see `couler_argo.evict.removal`."""
        return remove_selected(
            self._cluster,
            namespace,
            selection,
            limits,
            managed=self._target.managed,
            repository=self._repository,
            foreign=self._target.foreign,
        )

    @property
    def _repository(self) -> Repository | None:
        store = self._target.store
        return Repository(store, self._target.store_url) if store is not None else None

    def manifests(self, schedule: Schedule) -> list[dict[str, Any]]:
        """A CronWorkflow and what it needs; see `couler_argo.evict.cron`."""
        return manifests(schedule)


@dataclass
class _Seen:
    """What there is.

    Attributes:
        past: runs that have ended and are still there, oldest first.
        live: runs that go on, as far as they can be read.
        running: how many workflows go on.
        words: every word in them; None where one of them cannot be read.
        shards: the caches, those included that are none of our business.
        read: when the caches were read, on the monotonic clock.
    """

    past: list[Run] = field(default_factory=list)
    live: list[Run] = field(default_factory=list)
    running: int = 0
    words: set[str] | None = field(default_factory=set)
    shards: list[Shard] = field(default_factory=list)
    read: float = 0.0


def evict_round(
    cluster: Cluster,
    namespace: str,
    policy: CachePolicy,
    limits: Limits,
    *,
    managed: str,
    repository: Repository | None,
    foreign: bool,
) -> Evicted:
    """Carries out one round.

    Args:
        cluster: the cluster.
        namespace: of the caches.
        policy: what decides.
        limits: how much is kept, and how soon the rest goes.
        managed: the only namespace whose workflows may use them; empty for all.
        repository: where artifacts are; None where nobody said.
        foreign: whether caches that are not ours are evicted from as well.

    Raises:
        EngineError: the cluster or the artifact store failed.
    """
    now = time.time()
    seen = _look(cluster, namespace, managed, now)
    mine = [shard for shard in seen.shards if shard.ours or foreign]
    remarks: list[str] = []
    sizes: Mapping[str, int] = {}
    entries = [entry for shard in mine for entry in shard.entries.values()]
    if repository is not None:
        try:
            sizes = repository.sizes(artifact for entry in entries for artifact in entry.artifacts)
        except OSError as error:
            # The text of a store's error may quote its URL, and that may hold a password.
            remarks.append(f"the artifact store does not say how large artifacts are ({type(error).__name__})")
    chooser = Chooser(mine, policy, History(seen.past, live=seen.live), sizes, limits.assumed)
    kept = chooser.kept(limits.capacity)
    deleted, settled = _sweep(seen, mine, repository, limits, now)
    reason = f"not among those that the policy {'lru' if chooser.failure else policy.name} keeps"
    writer = ShardWriter(cluster, namespace, chooser, repository, limits, now)
    if not limits.dry_run:
        time.sleep(max(0.0, seen.read + limits.settle - time.monotonic()))
    changes: list[tuple[Shard, Change]] = []
    for shard in mine:
        wish = Wish({key: (entry, reason) for key, entry in shard.entries.items() if key not in kept}, settled)
        changes.append((shard, writer.carry_out(shard, wish)))
    decisions = [decision for shard, change in changes for decision in _decisions(shard, change, chooser, now)]
    before, after = _totals(mine, changes, chooser)
    return Evicted(
        namespace=namespace,
        places=len(mine),
        live=seen.running,
        decisions=tuple(decisions),
        before=before,
        after=after,
        deleted=tuple(sorted(deleted)),
        waiting=sum(change.waiting for _, change in changes),
        remaining=sum(change.remaining for _, change in changes),
        remarks=(*remarks, *_remarks(seen, mine)),
        failure=chooser.failure,
    )


def _look(cluster: Cluster, namespace: str, managed: str, now: float) -> _Seen:
    seen = _Seen()
    for workflow in cluster.workflows(managed):
        if is_live(workflow):
            seen.running += 1
            live = live_of(workflow, now)
            if live.run is not None:
                seen.live.append(live.run)
            seen.words = None if seen.words is None or live.words is None else seen.words | live.words
        else:
            try:
                run = run_of(workflow)
            except InvalidInput as error:
                log.info("a run is left out of the history: %s", error)
                continue
            if run is not None:
                seen.past.append(run)
    seen.past.sort(key=lambda run: run.at)
    seen.shards = [shard_of(config_map) for config_map in cluster.caches(namespace)]
    seen.read = time.monotonic()
    return seen


def _sweep(
    seen: _Seen, mine: Sequence[Shard], repository: Repository | None, limits: Limits, now: float
) -> tuple[frozenset[str], frozenset[str]]:
    """Deletes the artifacts that have waited long enough and that nothing refers to.

    Returns their keys; and those with the ones that need not be remembered, since an entry refers to them again.

    Raises:
        EngineError: the artifact store failed.
    """
    referred = {item.key for shard in seen.shards for entry in shard.entries.values() for item in entry.artifacts}
    if repository is None:
        return frozenset(), frozenset()
    graves: dict[str, Grave] = {}
    for shard in mine:
        for key, grave in graves_in(shard.annotations).items():
            graves[key] = max(grave, graves.get(key, grave), key=lambda one: one.since)
    deleted = frozenset(
        key
        for key, grave in graves.items()
        if seen.words is not None
        and key not in referred
        and grave.since + limits.grace <= now
        and grave.pod not in seen.words
    )
    for key in () if limits.dry_run else sorted(deleted):
        try:
            repository.delete(key)
        except OSError as error:
            message = f"the artifact store failed while an artifact was deleted ({type(error).__name__})"
            raise EngineError(message, engine="argo", hint="nothing is lost: run it again") from error
    return deleted, deleted | (graves.keys() & referred)


def _decisions(shard: Shard, change: Change, chooser: Chooser, now: float) -> Iterator[Eviction]:
    for key in sorted({*shard.sizes, *change.outcomes}):
        outcome, reason, entry = change.outcomes.get(key) or ("kept", "", shard.entries.get(key))
        if not reason:
            waiting = chooser.waited_for(key)
            reason = f"{waiting} steps that are still to come read it" if waiting else "worth keeping"
        if entry is not None:
            figures = chooser.figures(shard, entry, now)
        elif key in shard.sizes:
            figures = (("entry_bytes", shard.sizes[key]),)
            if outcome == "kept":
                reason = f"not ours, and not readable ({shard.unreadable.get(key, 'binary data')})"
        else:
            figures = ()
        yield Eviction(key=key, place=shard.name, outcome=outcome, reason=reason, figures=figures)


def _totals(mine: Sequence[Shard], changes: Sequence[tuple[Shard, Change]], chooser: Chooser) -> tuple[int, int]:
    """Bytes of all results before, and of those that are left."""
    before = {entry.key for shard in mine for entry in shard.entries.values()}
    entries_left = {
        key
        for shard, change in changes
        for key in shard.entries
        if change.outcomes.get(key, ("kept", "", None))[0] in ("kept", "postponed")
    }
    return sum(chooser.sized[key].bytes for key in before), sum(chooser.sized[key].bytes for key in entries_left)


def _remarks(seen: _Seen, mine: Sequence[Shard]) -> Iterator[str]:
    if not seen.shards:
        yield "there is no cache in this namespace: Argo keeps results where its controller is"
    if seen.words is None:
        yield "a running workflow keeps its nodes where they cannot be read: no artifact is deleted meanwhile"
    others = len(seen.shards) - len(mine)
    if others:
        yield f"{others} ConfigMaps that are not ours were left alone"
