"""What a graph knows of the steps before it and around it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from couler_plugins.caching.lineage import Producer
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.hookspecs.verdicts import Lineage

__all__ = ["Scope", "merge_scopes"]


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What a graph knows of what is before it and around it.

    Attributes:
        blocked: a rule against everything in it.
        unknown: producers without a key that run before it, by label, each with the inputs of the graph that carry its
            value in.
        producers: those with a key; only values that the whole run knows may be in their lineages.
        artifacts: where the artifacts come from that enter by its inputs; None where that has no key.
        runs: how often it runs in one run of the workflow; None where only the run knows.
    """

    blocked: Objection | None = None
    unknown: Mapping[str, frozenset[str]] = {}
    producers: tuple[Producer, ...] = ()
    artifacts: Mapping[str, Lineage | None] = {}
    runs: int | None = 1


def merge_scopes(one: Scope, other: Scope) -> Scope:
    """The scope of a graph that is called from both."""
    blocked = one.blocked or other.blocked
    if blocked is None and (one.producers, one.artifacts) != (other.producers, other.artifacts):
        blocked = Objection("several-callers", "it is called from several places, after different steps")
    unknown = {
        label: one.unknown.get(label, frozenset()) & other.unknown.get(label, frozenset())
        if label in one.unknown and label in other.unknown
        else (one.unknown.get(label) or other.unknown.get(label) or frozenset())
        for label in sorted({*one.unknown, *other.unknown})
    }
    runs = None if one.runs is None or other.runs is None else one.runs + other.runs
    return Scope(blocked=blocked, unknown=unknown, producers=one.producers, artifacts=one.artifacts, runs=runs)
