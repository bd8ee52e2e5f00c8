"""What the user says of caching, for all engines of a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from couler_plugins.caching.choice import Limit
from couler_plugins.caching.known import KnownResult
from couler_plugins.caching.optimizer import Epoch
from couler_plugins.caching.wrapping import Wrapper
from couler_plugins.hookspecs import Context


class CacheSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How to cache one workflow; see the options of `cache{…}`.

    Attributes:
        ctx: whose past runs and profiles say what caching saves, and whether anybody is told.
        assume_pure: whether a step of which nothing is said counts as declared pure.
        circular: whether the workflow is part of a circle of workflows that call each other.
        via: what keeps results.
        wrapper: what wrappers are told; None where there are none.
        limit: the capacity to choose for; None where all that may be cached is.
        epoch: the time that periods are counted from; None where nothing is kept for a time only.
        min_seconds: steps that past runs say to take less are not worth a lookup.
        strict: whether steps that a rule is against are switched off, where the engine caches all steps by itself.
        results: results that need not be computed again, by key.
    """

    ctx: Context
    assume_pure: bool = False
    circular: bool = False
    via: Literal["auto", "memoize", "wrapper", "both"] = "auto"
    wrapper: Wrapper | None = None
    limit: Limit | None = None
    epoch: Epoch | None = None
    min_seconds: float = 0.0
    strict: bool = False
    results: Mapping[str, KnownResult] = {}
