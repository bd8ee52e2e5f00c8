"""The cache policies and artifact stores that come with couler-plugins, registered like anybody else's."""

from __future__ import annotations

from couler_plugins.hookspecs import CachePolicy, hookimpl

__all__ = ["couler_cache_policies"]


@hookimpl
def couler_cache_policies() -> list[type[CachePolicy]]:
    """The built-in policies."""
    from couler_plugins.caching.policies import POLICIES

    return list(POLICIES)
