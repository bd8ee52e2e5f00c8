"""Replacement policies that come with couler-plugins."""

from __future__ import annotations

from couler_plugins.caching.policies.gdsf import Gdsf, GdsfSubtree
from couler_plugins.caching.policies.scr import Scr
from couler_plugins.caching.policies.simple import Everything, Fifo, Lfu, Lru, Nothing, Sieve
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
    Scr,
]
"""All of them: the simple ones first, then those that know of the graph."""
