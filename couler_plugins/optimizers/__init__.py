"""Small optimizers that come with couler-plugins, and the table of causes, registered like anybody else's."""

from __future__ import annotations

from couler_plugins.caching.optimizer import Cache
from couler_plugins.hookspecs import Optimizer, hookimpl
from couler_plugins.markers import listed
from couler_plugins.optimizers.declare import Declare
from couler_plugins.optimizers.dedupe import Dedupe
from couler_plugins.optimizers.pin import Pin
from couler_plugins.optimizers.prune import Prune
from couler_plugins.reliability.optimizer import Guard
from couler_plugins.rightsizing.optimizer import Rightsize

__all__ = ["couler_causes", "couler_optimizers"]

couler_causes = listed("couler_plugins.reliability.table:CAUSES")


@hookimpl
def couler_optimizers() -> list[type[Optimizer]]:
    """The built-in optimizers."""
    return [Cache, Declare, Dedupe, Guard, Pin, Prune, Rightsize]
