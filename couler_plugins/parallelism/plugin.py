"""What comes with splitting, registered like anybody else's: the partitioners."""

from __future__ import annotations

from couler_plugins.hookspecs import Optimizer, Partitioner, hookimpl
from couler_plugins.parallelism.critical_path import CriticalPath
from couler_plugins.parallelism.optimizer import Split
from couler_plugins.parallelism.simple import BandPack, Levels

__all__ = ["couler_optimizers", "couler_partitioners"]


@hookimpl
def couler_optimizers() -> list[type[Optimizer]]:
    """The optimizer `split`."""
    return [Split]


@hookimpl
def couler_partitioners() -> list[type[Partitioner]]:
    """The built-in partitioners."""
    return [CriticalPath, BandPack, Levels]
