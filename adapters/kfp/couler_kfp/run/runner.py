"""Runs pipelines, whole or split: in this process by `kfp.local`, or in a cluster by `kfp.Client`."""

from __future__ import annotations

from couler_kfp.run.cluster import ClusterRunner
from couler_kfp.run.local import LocalRunner
from couler_plugins.hookspecs.running import Runner, Where


def runner_of(where: Where) -> Runner:
    """What runs pipelines there."""
    if where.folder:
        return LocalRunner(where.folder)

    return ClusterRunner(where)
