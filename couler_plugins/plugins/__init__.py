"""Plugins: discovery, registry, hooks, and isolation of those that fail."""

from couler_plugins.plugins.discovery import load_plugins
from couler_plugins.plugins.plugins import Plugins
from couler_plugins.plugins.registry import (
    ADAPTERS,
    CAUSES,
    OPTIMIZERS,
    PARTITIONERS,
    POINTS,
    POLICIES,
    STEPS,
    STORES,
    TUNERS,
    ExtensionPoint,
    PluginRecord,
)

__all__ = [
    "ADAPTERS",
    "CAUSES",
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
