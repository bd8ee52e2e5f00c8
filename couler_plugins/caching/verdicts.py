"""Verdicts on call sites, and the lineage of artifacts: where each comes from, as far as a key has to cover it.

A lineage is a hash of everything that is known at compile time, and the references whose values are only known at run
time. It names no step: renaming one changes no key. The recursion is that of a Merkle tree (a call's lineage covers
those of its producers), except that the values stay outside of the hash, side by side, for the engine to fill in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from couler_plugins.caching.keys import LINEAGE, digest
from couler_plugins.hookspecs.caching import Material, Objection
from couler_plugins.ir import Literal, Node, Operation, Reference, Step, Value, replace

MAX_LEAVES = 32
"""How many run-time values a lineage may hold; each costs a parameter in every step that depends on it."""

UNCOMPARED = frozenset({"source", "native"})


class Lineage(msgspec.Struct, frozen=True):
    """What something was made by.

    Attributes:
        digest: the hash of what is known at compile time.
        leaves: what is only known at run time, each once, in an order that the digest fixes.
    """

    digest: str
    leaves: tuple[Reference, ...] = ()

    @property
    def values(self) -> tuple[Value, ...]:
        """What a step has to be handed, in order, so that its key covers this lineage."""
        return (Literal(value=self.digest), *self.leaves)


class Producer(msgspec.Struct, frozen=True):
    """What a step gets from one step before it: an artifact for one of its inputs, or (with no input) just its turn."""

    artifact: str
    lineage: Lineage


def lineage_of_call(spec: str, step: Step, reads: Iterable[Reference], producers: Iterable[Producer]) -> Lineage | None:
    """The lineage of what a step makes; None where it has too many run-time values.

    Args:
        spec: the spec hash of what it calls.
        step: the call.
        reads: what the callee reads of the run by itself.
        producers: what the step gets from others.
    """
    leaves: dict[Reference, int] = {}
    arguments = sorted(
        [argument.kind, argument.name, _outline(argument.value, leaves)]
        for argument in sorted(step.arguments, key=lambda argument: (argument.kind, argument.name))
        if not argument.name.startswith(LINEAGE)
    )
    read = [_leaf(reference, leaves) for reference in reads]
    content = ["call", spec, arguments, _outline(step.loop, leaves), read, _outlines(producers, leaves)]
    return _lineage(content, leaves)


def lineage_of_producers(producers: Iterable[Producer]) -> Lineage | None:
    """What several producers make together; None where that has too many run-time values."""
    leaves: dict[Reference, int] = {}
    return _lineage(["producers", _outlines(producers, leaves)], leaves)


def outline(value: object) -> Any:
    """An IR value as JSON in which references are only numbered, in the order in which they come."""
    return _outline(value, {})


def _lineage(content: Any, leaves: dict[Reference, int]) -> Lineage | None:
    return Lineage(digest(content), tuple(leaves)) if len(leaves) <= MAX_LEAVES else None


def _outlines(producers: Iterable[Producer], leaves: dict[Reference, int]) -> list[Any]:
    distinct = dict.fromkeys(producers)
    ordered = sorted(distinct, key=lambda item: (item.artifact, item.lineage.digest, repr(item.lineage.leaves)))
    return [
        [item.artifact, item.lineage.digest, [_leaf(leaf, leaves) for leaf in item.lineage.leaves]] for item in ordered
    ]


def _leaf(reference: Reference, leaves: dict[Reference, int]) -> int:
    return leaves.setdefault(replace(reference, native="") if reference.native else reference, len(leaves))


def _outline(value: object, leaves: dict[Reference, int]) -> Any:
    """An IR value as JSON, with each run-time value replaced by its number among the leaves."""
    if isinstance(value, Reference):
        if value.to == "item":
            return ["item", value.name, *value.path]
        return ["artifact"] if value.kind == "artifact" else ["leaf", _leaf(value, leaves)]
    if isinstance(value, tuple):
        return [_outline(item, leaves) for item in value]
    if isinstance(value, Node):
        names = [name for name in value.__struct_fields__ if name not in UNCOMPARED]
        return [type(value).__name__, *(_outline(getattr(value, name), leaves) for name in names)]
    return value


class Facts(NamedTuple):
    """What holds of an operation wherever it is called.

    Attributes:
        operation: the operation.
        material: what it is, as its engine sees it.
        spec: its spec hash.
        objections: every rule against reusing what it makes, then every rule against keeping it.
        waived: what its owner says does not change the result, in words; the spec hash covers them.
        otherwise: more rules against reusing what it makes, if its key did not cover the contents of its artifacts.
    """

    operation: Operation
    material: Material
    spec: str
    objections: tuple[Objection, ...]
    waived: tuple[str, ...] = ()
    otherwise: tuple[Objection, ...] = ()

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
        unordered: whether its key covers only what it reads, and not what merely runs before it.
        entries: how many results one run adds; None where only the run knows.
        wrapper: what a wrapper around the command is told that keeps its results, where the engine's own cache cannot.
        choice: what the policy says of keeping its results, in half a sentence; empty where none was asked.
        by_content: the verdict where a wrapper's key covers the contents of artifacts; None where none is asked for.
    """

    objections: tuple[Objection, ...] = ()
    declarable: bool = False
    lineage: Lineage | None = None
    lineages: tuple[Value, ...] = ()
    facts: Facts | None = None
    warnings: tuple[Objection, ...] = ()
    declared: str = ""
    max_age: int | None = None
    unordered: bool = False
    entries: int | None = None
    wrapper: tuple[tuple[str, str], ...] = ()
    choice: str = ""
    by_content: Verdict | None = None

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
            value in, as `upstream.label_of` tells them.
        producers: those with a key; only values that the whole run knows may be in their lineages.
        artifacts: where the artifacts come from that enter by its inputs; None where that has no key.
        runs: how often it runs in one run of the workflow; None where only the run knows.
    """

    blocked: Objection | None = None
    unknown: Mapping[str, frozenset[str]] = {}
    producers: tuple[Producer, ...] = ()
    artifacts: Mapping[str, Lineage | None] = {}
    runs: int | None = 1


def merge_scopes(one: Scope, other: Scope, *, by_content: bool = False) -> Scope:
    """The scope of a graph that is called from both.

    Args:
        one, other: the scopes of two calls.
        by_content: whether artifacts may come from several places, since keys may cover their contents.
    """
    blocked, artifacts = one.blocked or other.blocked, one.artifacts
    if by_content:  # what is not the same has no lineage
        artifacts = {name: lineage for name, lineage in artifacts.items() if other.artifacts.get(name) == lineage}
    if blocked is None and (one.producers != other.producers or not (by_content or artifacts == other.artifacts)):
        blocked = Objection("several-callers", "it is called from several places, after different steps")
    unknown = {
        label: one.unknown.get(label, frozenset()) & other.unknown.get(label, frozenset())
        if label in one.unknown and label in other.unknown
        else (one.unknown.get(label) or other.unknown.get(label) or frozenset())
        for label in sorted({*one.unknown, *other.unknown})
    }
    runs = None if one.runs is None or other.runs is None else one.runs + other.runs
    return Scope(blocked=blocked, unknown=unknown, producers=one.producers, artifacts=artifacts, runs=runs)
