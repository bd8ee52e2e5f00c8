"""The replacement policies that come with couler-plugins."""

from __future__ import annotations

from couler_plugins.caching.policies.gdsf import Gdsf, GdsfSubtree
from couler_plugins.caching.policies.literal import PaperLiteral
from couler_plugins.caching.policies.materialization import ExperimentGraph, Helix
from couler_plugins.caching.policies.paper import Paper
from couler_plugins.caching.policies.references import Lrc
from couler_plugins.caching.policies.scr import Scr
from couler_plugins.caching.policies.sieve import Sieve
from couler_plugins.caching.policies.simple import Everything, Fifo, Lfu, Lru, Nothing
from couler_plugins.caching.policies.yang import Yang
from couler_plugins.hookspecs import CachePolicy

__all__ = ["POLICIES"]

POLICIES: list[type[CachePolicy]] = [
    Nothing,
    Everything,
    Fifo,
    Lru,
    Lfu,
    Sieve,
    Gdsf,
    GdsfSubtree,
    Lrc,
    Helix,
    ExperimentGraph,
    Yang,
    PaperLiteral,
    Paper,
    Scr,
]
"""All of them: the simple ones first, then those that know of the graph."""
