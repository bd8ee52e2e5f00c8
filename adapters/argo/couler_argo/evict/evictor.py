"""The facet `evictor`: Argo's memoization, which never evicts by itself, under a policy and a capacity."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from couler_argo.evict.api import Cluster
from couler_argo.evict.blobs import Repository
from couler_argo.evict.cron import manifests
from couler_argo.evict.round import evict_round
from couler_plugins.hookspecs import CachePolicy
from couler_plugins.hookspecs.eviction import Evicted, Limits, Schedule, Target

__all__ = ["ArgoEvictor"]


class ArgoEvictor:
    """The facet for one cluster; see `couler_plugins.hookspecs.eviction.Evictor`."""

    def __init__(self, target: Target) -> None:
        self._target = target

    @cached_property
    def _cluster(self) -> Cluster:

        return Cluster(self._target.context)

    def namespaces(self) -> Sequence[str]:
        """Those that were named; or all with caches; or the one of the context."""
        if self._target.every_namespace:
            return self._cluster.namespaces()
        return self._target.namespaces or (self._cluster.namespace,)

    def evict(self, namespace: str, policy: CachePolicy, limits: Limits) -> Evicted:
        """One round; see `couler_argo.evict.round`."""
        store = self._target.store
        repository = Repository(store, self._target.store_url) if store is not None else None
        return evict_round(
            self._cluster,
            namespace,
            policy,
            limits,
            managed=self._target.managed,
            repository=repository,
            foreign=self._target.foreign,
        )

    def manifests(self, schedule: Schedule) -> list[dict[str, Any]]:
        """A CronWorkflow and what it needs; see `couler_argo.evict.cron`."""
        return manifests(schedule)
