"""What KFP cannot say: the fields that the table of capabilities calls refused."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from couler_kfp.capabilities import CAPABILITIES
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Literal, Node, Value

__all__ = ["refuse_unsupported", "unsupported", "whole_number"]

REFUSED = {capability.feature: capability.note for capability in CAPABILITIES if capability.support == "refused"}


def refuse_unsupported(node: Node) -> None:
    """Raises `Unsupported` where a field is set that KFP has no place for."""
    for name, default in _refused(type(node)):
        if getattr(node, name) != default:
            feature = f"{type(node).__name__}.{name}"
            hint = REFUSED[feature] or "leave this to an engine that has it"
            raise unsupported(feature, getattr(node, "name", ""), f"has a {name}, which KFP has no place for", hint)


@cache
def _refused(node_type: type[Node]) -> tuple[tuple[str, Any], ...]:
    """The fields of a kind of node that are refused, with what they then have to be."""
    fields = msgspec.structs.fields(node_type)
    return tuple((field.name, field.default) for field in fields if f"{node_type.__name__}.{field.name}" in REFUSED)


def unsupported(feature: str, name: str, reason: str, hint: str = "leave this to an engine that has it") -> Unsupported:
    """The error for what KFP cannot say."""
    return Unsupported(f"{name or feature!r} {reason}", engine="kfp", step=name or None, feature=feature, hint=hint)


def whole_number(value: Value, feature: str, name: str) -> int:
    """The number that a value is; raises `Unsupported` for anything else."""
    match value:
        case Literal(value=int(number)) if not isinstance(number, bool):
            return number
    raise unsupported(feature, name, "needs a whole number here")
