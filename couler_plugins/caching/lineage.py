"""Where an artifact comes from, as far as a key has to cover it: what was run, on which values.

A lineage is a hash of everything that is known at compile time, and the references whose values are only known at run
time. It names no step: renaming one changes no key. The recursion is that of a Merkle tree (a call's lineage covers
those of its producers), except that the values stay outside of the hash, side by side, for the engine to fill in.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from couler_plugins.caching.keys import LINEAGE, digest
from couler_plugins.hookspecs.verdicts import Lineage
from couler_plugins.ir import Node, Reference, Step, replace

__all__ = ["MAX_LEAVES", "Producer", "lineage_of_call", "lineage_of_producers", "outline"]

MAX_LEAVES = 32
"""How many run-time values a lineage may hold; each costs a parameter in every step that depends on it."""

UNCOMPARED = frozenset({"source", "native"})


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
