"""Artifact cache: results of steps by key, in any store, under a capacity."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

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
    "folder_of",
    "open_cache",
]

if TYPE_CHECKING:
    from couler_plugins.caching.artifacts.cache import ArtifactCache
    from couler_plugins.caching.artifacts.entry import Damaged, Entry, Lost, Meta, Output
    from couler_plugins.caching.artifacts.flight import Claim
    from couler_plugins.caching.artifacts.opening import UNLIMITED, open_cache
    from couler_plugins.caching.artifacts.results import (
        Admission,
        Existed,
        Hit,
        PutResult,
        Refused,
        Report,
        Stats,
        Stored,
        Usage,
    )
    from couler_plugins.caching.artifacts.sources import Content, Outputs, Source
    from couler_plugins.caching.artifacts.stores import folder_of
else:  # type checkers would take any name for one of ours
    _HOMES = {
        "ArtifactCache": "cache",
        **dict.fromkeys(("Entry", "Meta", "Output"), "entry"),
        "Claim": "flight",
        **dict.fromkeys(("Damaged", "Lost"), "entry"),
        **dict.fromkeys(("UNLIMITED", "open_cache"), "opening"),
        **dict.fromkeys(
            ("Admission", "Existed", "Hit", "PutResult", "Refused", "Report", "Stats", "Stored", "Usage"), "results"
        ),
        **dict.fromkeys(("Content", "Outputs", "Source"), "sources"),
        "folder_of": "stores",
    }

    def __getattr__(name: str) -> object:
        """Imports what the package offers on first use: whoever lists the stores there are needs none of it."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return value
