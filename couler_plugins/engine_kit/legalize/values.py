"""Values with something else in place of their references, and texts put together from parts."""

from __future__ import annotations

import json
from collections.abc import Callable as Function
from collections.abc import Iterable
from typing import Any, TypeVar

from couler_plugins.ir import Literal, Native, Node, Reference, Template, rebuild

T = TypeVar("T")


def joined(parts: Iterable[Any]) -> tuple[Any, ...]:
    """Return the parts of a text or an expression, each run of texts as one, and no empty ones."""
    result: list[Any] = []
    for part in parts:
        if isinstance(part, str) and result and isinstance(result[-1], str):
            result[-1] += part
        elif part != "":
            result.append(part)
    return tuple(result)


def substituted(value: T, change: Function[[Reference], Reference | str]) -> T:
    """Return a value, or what holds values, with each reference changed; a text becomes a part of what is around it."""

    def filled(node: Node) -> Node:
        match node:
            case Reference():
                new = change(node)
                return Literal(value=new) if isinstance(new, str) else new
            case Template(parts=parts):
                pieces = joined(part.value if isinstance(part, Literal) else part for part in parts)
                is_text = all(isinstance(piece, str) for piece in pieces)
                return Literal(value="".join(pieces)) if is_text else Template(parts=pieces)
            case Native(parts=parts):
                return Native(
                    parts=joined(json.dumps(part.value)[1:-1] if isinstance(part, Literal) else part for part in parts)
                )
        return node

    return rebuild(value, filled)
