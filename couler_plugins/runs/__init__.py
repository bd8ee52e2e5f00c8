"""Past runs: steps of workflows with their times and outputs, and the history that they add up to."""

from couler_plugins.runs.history import History, LoadCost, View
from couler_plugins.runs.run import (
    Candidate,
    Fate,
    Lookup,
    Run,
    StepRun,
    belongs,
    families_of,
    family_of,
    hash_of,
    key_of,
    lookups_of,
    median,
    site_of,
    tries_of,
)
from couler_plugins.runs.usage import Attempt, ContainerUse

__all__ = [
    "Attempt",
    "Candidate",
    "ContainerUse",
    "Fate",
    "History",
    "LoadCost",
    "Lookup",
    "Run",
    "StepRun",
    "View",
    "belongs",
    "families_of",
    "family_of",
    "hash_of",
    "key_of",
    "lookups_of",
    "median",
    "site_of",
    "tries_of",
]
