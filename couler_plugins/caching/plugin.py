"""What comes with caching, registered like anybody else's: policies, stores, past runs and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from couler_plugins.hookspecs import CachePolicy, Profile, hookimpl

if TYPE_CHECKING:
    from couler_plugins.ir import Workflow
    from couler_plugins.runs import Run

__all__ = ["couler_cache_policies", "couler_profiles"]


@hookimpl
def couler_cache_policies() -> list[type[CachePolicy]]:
    """The built-in policies."""
    from couler_plugins.caching.policies import POLICIES

    return list(POLICIES)


@hookimpl
def couler_profiles(workflow: Workflow, runs: Sequence[Run]) -> Mapping[str, Profile]:
    """Medians of the newest figures of past runs."""
    from couler_plugins.profiles import profiles_of

    return profiles_of(workflow, runs)
