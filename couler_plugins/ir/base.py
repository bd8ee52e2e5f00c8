"""Base class of all IR values: frozen, hashable, and compared by meaning, not by source."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import msgspec

Source = tuple[int | str, ...]
"""A pointer into the bundle: the document's number, then the path inside that document's data."""

UNCOMPARED = frozenset({"source", "native"})
"""Fields that say where or how something was written; they are no part of equality or of the JSON form."""

REST = "rest"
"""What the JSON form calls `native_extra`: files and keys that were written stay as they are."""

N = TypeVar("N", bound="Node")


class Node(
    msgspec.Struct, frozen=True, kw_only=True, eq=False, omit_defaults=True, gc=False, forbid_unknown_fields=True
):
    """An immutable IR value.

    `gc=False` is safe: immutable values built from the leaves up cannot form a cycle.
    """

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in compared_fields(type(self)))

    def __ne__(self, other: object) -> bool:  # a Struct has one of its own, which compares identities
        return not self == other

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in compared_fields(type(self)))))


@cache
def compared_fields(node_type: type[Node]) -> tuple[str, ...]:
    """The names of the fields that take part in equality and in the JSON form."""
    return tuple(name for name in node_type.__struct_fields__ if name not in UNCOMPARED)


def replace(node: N, **changes: Any) -> N:
    """A copy of `node` with some fields changed; its source is kept."""
    return msgspec.structs.replace(node, **changes)
