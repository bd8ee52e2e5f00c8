"""The artifact cache: results of steps by key, in any store, under a limit that holds."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

if not TYPE_CHECKING:  # type checkers would take any name for one of ours
    HOMES = {
        "Admission": "results",
        "ArtifactCache": "cache",
        "Claim": "flight",
        "Content": "sources",
        "Damaged": "lost",
        "Entry": "entry",
        "Existed": "results",
        "Hit": "hits",
        "Lost": "lost",
        "Meta": "entry",
        "Output": "entry",
        "Outputs": "sources",
        "PutResult": "results",
        "Refused": "results",
        "Report": "results",
        "Source": "sources",
        "Stats": "results",
        "Stored": "results",
        "UNLIMITED": "opening",
        "Usage": "results",
        "open_cache": "opening",
    }
    """The module of each name: what lists stores needs none of the rest."""

    def __getattr__(name: str) -> object:
        """Imports a name on first use."""
        if name not in HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
