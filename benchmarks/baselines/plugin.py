"""The baselines as a plugin: `pip install ./benchmarks/baselines` makes them known to `couler`."""

from __future__ import annotations

from benchmarks.baselines import BASELINES
from benchmarks.baselines.algorithm3 import Paper
from couler_plugins.hookspecs import CachePolicy, Partitioner, hookimpl

__all__ = ["couler_cache_policies", "couler_partitioners"]


@hookimpl
def couler_cache_policies() -> list[type[CachePolicy]]:
    """The policies of papers."""
    return BASELINES


@hookimpl
def couler_partitioners() -> list[type[Partitioner]]:
    """Algorithm 3 of the Couler paper."""
    return [Paper]
