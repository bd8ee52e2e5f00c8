"""Plugins: where they are found, what each provides, and what happens when one of them fails."""

from couler_plugins.plugins.discovery import load_plugins
from couler_plugins.plugins.plugins import Plugins
from couler_plugins.plugins.points import (
    ADAPTERS,
    OPTIMIZERS,
    PARTITIONERS,
    POINTS,
    POLICIES,
    STEPS,
    STORES,
    TUNERS,
    ExtensionPoint,
)
from couler_plugins.plugins.registry import PluginRecord

__all__ = [
    "ADAPTERS",
    "OPTIMIZERS",
    "PARTITIONERS",
    "POINTS",
    "POLICIES",
    "STEPS",
    "STORES",
    "TUNERS",
    "ExtensionPoint",
    "PluginRecord",
    "Plugins",
    "load_plugins",
]
