"""What comes with splitting, registered like anybody else's: the partitioners."""

from __future__ import annotations

from couler_plugins.hookspecs import Optimizer, hookimpl
from couler_plugins.markers import listed
from couler_plugins.parallelism.optimizer import Split


@hookimpl
def couler_optimizers() -> list[type[Optimizer]]:
    """The optimizer `split`."""
    return [Split]


couler_partitioners = listed(
    "couler_plugins.parallelism.critical_path:CriticalPath",
    "couler_plugins.parallelism.simple:BandPack",
    "couler_plugins.parallelism.simple:Levels",
)
