"""Plugin contract: hooks, facets of adapters, and the types that they use; one short file a subject."""

from couler_plugins.hookspecs import (
    adapters,
    causes,
    optimizers,
    partitioners,
    policies,
    profiles,
    steps,
    stores,
    tuners,
)
from couler_plugins.hookspecs.adapters import Adapter
from couler_plugins.hookspecs.capabilities import ApiGroup, Capability, Footprint
from couler_plugins.hookspecs.causes import Cause
from couler_plugins.hookspecs.facets import FACETS, Facet
from couler_plugins.hookspecs.optimizers import Context, Optimizer, work_at
from couler_plugins.hookspecs.partitioners import Partitioner
from couler_plugins.hookspecs.policies import CachePolicy
from couler_plugins.hookspecs.profiles import Profile
from couler_plugins.hookspecs.steps import Built, CatalogueStep, StepInput, StepOutput, StepVariable
from couler_plugins.hookspecs.stores import ArtifactStore, StoredObject
from couler_plugins.hookspecs.tuners import Tuner
from couler_plugins.markers import PROJECT, hookimpl, hookspec

__all__ = [
    "FACETS",
    "HOOKSPECS",
    "PROJECT",
    "Adapter",
    "ApiGroup",
    "ArtifactStore",
    "Built",
    "CachePolicy",
    "Capability",
    "CatalogueStep",
    "Cause",
    "Context",
    "Facet",
    "Footprint",
    "Optimizer",
    "Partitioner",
    "Profile",
    "StepInput",
    "StepOutput",
    "StepVariable",
    "StoredObject",
    "Tuner",
    "hookimpl",
    "hookspec",
    "work_at",
]

HOOKSPECS = (adapters, causes, optimizers, partitioners, policies, profiles, steps, stores, tuners)
"""The modules that hold the specifications of all hooks."""
