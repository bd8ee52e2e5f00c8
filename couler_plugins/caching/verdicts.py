"""What was found about one call site, and what a graph knows of the steps before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from couler_plugins.caching.lineage import Lineage, Producer
from couler_plugins.hookspecs.caching import Material, Objection
from couler_plugins.ir import Operation, Value

__all__ = ["Facts", "Scope", "Verdict", "merge_scopes"]


class Facts(NamedTuple):
    """What holds of an operation wherever it is called.

    Attributes:
        operation: the operation.
        material: what it is, as its engine sees it.
        spec: its spec hash.
        objections: every rule against reusing what it makes, then every rule against keeping it.
        waived: what its owner says does not change the result, in words; the spec hash covers them.
    """

    operation: Operation
    material: Material
    spec: str
    objections: tuple[Objection, ...]
    waived: tuple[str, ...] = ()

    @property
    def objection(self) -> Objection | None:
        """The first rule against reusing what it makes; None where there is none."""
        return next((item for item in self.objections if item.against == "reuse"), None)

    @property
    def storage(self) -> Objection | None:
        """The first rule against keeping what it makes; None where there is none."""
        return next((item for item in self.objections if item.against == "storage"), None)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about one call site.

    Attributes:
        objections: every rule against caching it, the one that decides first; empty where it is cached.
        declarable: whether its owner's word is all that is missing.
        lineage: the lineage of what it makes; None where that has no key.
        lineages: the values that its key has to cover beside its inputs, in order.
        facts: of the operation that it calls; None where it calls none.
        warnings: what would be against caching it if its owner had not declared the thing itself.
        declared: where its owner says that it is pure; empty where nobody does.
        max_age: how many seconds a result may be reused for; None for ever.
        entries: how many results one run adds; None where only the run knows.
        wrapper: what a wrapper around the command is told that keeps its results, where the engine's own cache cannot.
        choice: what the policy says of keeping its results, in half a sentence; empty where none was asked.
    """

    objections: tuple[Objection, ...] = ()
    declarable: bool = False
    lineage: Lineage | None = None
    lineages: tuple[Value, ...] = ()
    facts: Facts | None = None
    warnings: tuple[Objection, ...] = ()
    declared: str = ""
    max_age: int | None = None
    entries: int | None = None
    wrapper: tuple[tuple[str, str], ...] = ()
    choice: str = ""

    @property
    def objection(self) -> Objection | None:
        """The rule that decides against caching it; None where it is cached."""
        return self.objections[0] if self.objections else None

    @property
    def waived(self) -> tuple[str, ...]:
        """The words that its owner waives."""
        return () if self.facts is None else self.facts.waived


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
