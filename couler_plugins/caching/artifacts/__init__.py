"""The artifact cache: results of steps by key, in any store, under a limit that holds."""

from couler_plugins.caching.artifacts.cache import ArtifactCache
from couler_plugins.caching.artifacts.entry import Entry, Meta, Output
from couler_plugins.caching.artifacts.flight import Claim
from couler_plugins.caching.artifacts.hits import Hit
from couler_plugins.caching.artifacts.lost import Damaged, Lost
from couler_plugins.caching.artifacts.opening import UNLIMITED, open_cache
from couler_plugins.caching.artifacts.results import (
    Admission,
    Existed,
    PutResult,
    Refused,
    Report,
    Stats,
    Stored,
    Usage,
)
from couler_plugins.caching.artifacts.sources import Content, Outputs, Source

__all__ = [
    "UNLIMITED",
    "Admission",
    "ArtifactCache",
    "Claim",
    "Content",
    "Damaged",
    "Entry",
    "Existed",
    "Hit",
    "Lost",
    "Meta",
    "Output",
    "Outputs",
    "PutResult",
    "Refused",
    "Report",
    "Source",
    "Stats",
    "Stored",
    "Usage",
    "open_cache",
]
