"""Errors for what an engine cannot say, and the check of fields that its table of capabilities refuses."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import msgspec

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs import Capability
from couler_plugins.ir import Node

LEAVE = "leave this to an engine that has it"


class Refusals:
    """What one engine cannot say.

    Args:
        engine: its name.
        title: what it is called in texts.
        capabilities: its table.
    """

    def __init__(self, engine: str, title: str, capabilities: Iterable[Capability]) -> None:
        self._engine = engine
        self._title = title
        self._notes = {row.feature: row.note for row in capabilities if row.support == "refused"}
        self._refused = cache(self._refused_fields)

    def error(self, feature: str, name: str, reason: str, hint: str = "") -> Unsupported:
        """The error for what the engine cannot say."""
        text = f"{name or feature!r} {reason}"
        return Unsupported(text, engine=self._engine, step=name or None, feature=feature, hint=hint or LEAVE)

    def check(self, node: Node) -> None:
        """Raises `Unsupported` where a field is set that the engine has no place for."""
        for name, default in self._refused(type(node)):
            if getattr(node, name) != default:
                feature = f"{type(node).__name__}.{name}"
                reason = f"has a {name}, which {self._title} has no place for"
                raise self.error(feature, getattr(node, "name", ""), reason, self._notes[feature])

    def _refused_fields(self, node_type: type[Node]) -> tuple[tuple[str, Any], ...]:
        """The fields of a kind of node that are refused, with what they then have to be."""
        fields = msgspec.structs.fields(node_type)
        return tuple(
            (field.name, field.default) for field in fields if f"{node_type.__name__}.{field.name}" in self._notes
        )
