"""Structures of Tekton's own as IR values, with the variables in their texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from couler_plugins.engine_kit.structures import cut_structure, join_structure
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Expression, Native, Reference


def structure(data: Any, parts: Callable[[str], tuple[str | Reference, ...]]) -> Native:
    """A structure with all references in it; the order of a mapping's keys does not count.

    Args:
        data: the structure.
        parts: cuts a text at its variables.
    """
    return cut_structure(data, "$(", parts)


def write_structure(native: Native, spelled: Callable[[Reference], str]) -> Any:
    """The structure as data.

    Raises:
        Unsupported: Tekton has no variable for a reference in it.
    """

    def spelled_at(part: Reference | Expression, before: str) -> str:
        if isinstance(part, Expression):
            reason, hint = "Tekton has no expressions in structures", "compute it in a task"
            raise Unsupported(reason, engine="tekton", feature="Expression", hint=hint)
        return spelled(part)

    return join_structure(native, spelled_at)
