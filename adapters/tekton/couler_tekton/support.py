"""What Tekton cannot say: the fields that the table of capabilities calls refused."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from couler_plugins.errors import Unsupported
from couler_plugins.ir import Node
from couler_tekton.capabilities import CAPABILITIES

__all__ = ["refuse_unsupported", "unsupported"]

REFUSED = {capability.feature: capability.note for capability in CAPABILITIES if capability.support == "refused"}


def refuse_unsupported(node: Node) -> None:
    """Raises `Unsupported` where a field is set that Tekton has no place for."""
    for name, default in _refused(type(node)):
        if getattr(node, name) != default:
            feature = f"{type(node).__name__}.{name}"
            reason = f"has a {name}, which Tekton has no place for"
            raise unsupported(feature, getattr(node, "name", ""), reason, REFUSED[feature])


@cache
def _refused(node_type: type[Node]) -> tuple[tuple[str, Any], ...]:
    """The fields of a kind of node that are refused, with what they then have to be."""
    fields = msgspec.structs.fields(node_type)
    return tuple((field.name, field.default) for field in fields if f"{node_type.__name__}.{field.name}" in REFUSED)


def unsupported(feature: str, name: str, reason: str, hint: str = "") -> Unsupported:
    """The error for what Tekton cannot say."""
    hint = hint or "leave this to an engine that has it"
    return Unsupported(f"{name or feature!r} {reason}", engine="tekton", step=name or None, feature=feature, hint=hint)
