"""The contract with plugins: one short file a subject."""

from couler_plugins.hookspecs import adapters, optimizers, profiles
from couler_plugins.hookspecs.adapters import Adapter, Capability, Footprint
from couler_plugins.hookspecs.markers import PROJECT, hookimpl, hookspec
from couler_plugins.hookspecs.optimizers import Context, Optimizer
from couler_plugins.hookspecs.profiles import Profile

__all__ = [
    "HOOKSPECS",
    "PROJECT",
    "Adapter",
    "Capability",
    "Context",
    "Footprint",
    "Optimizer",
    "Profile",
    "hookimpl",
    "hookspec",
]

HOOKSPECS = (adapters, optimizers, profiles)
"""The modules that hold the specifications of all hooks."""
