"""Small optimizers that come with couler-plugins, and the table of causes, registered like anybody else's."""

from __future__ import annotations

from couler_plugins.markers import listed

__all__ = ["couler_causes", "couler_optimizers"]

couler_causes = listed("couler_plugins.reliability.table:CAUSES")
couler_optimizers = listed(
    "couler_plugins.caching.optimizer:Cache",
    "couler_plugins.fusion.optimizer:Fuse",
    "couler_plugins.optimizers.declare:Declare",
    "couler_plugins.optimizers.dedupe:Dedupe",
    "couler_plugins.optimizers.pin:Pin",
    "couler_plugins.optimizers.prune:Prune",
    "couler_plugins.reliability.optimizer:Guard",
    "couler_plugins.rightsizing.optimizer:Rightsize",
)
