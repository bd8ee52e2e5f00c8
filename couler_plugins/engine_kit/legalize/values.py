"""Values with something else in place of their references, texts put together from parts, structures as data."""

from __future__ import annotations

import json
from collections.abc import Callable as Function
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from couler_plugins.engine_kit.legalize.native_fields import from_data, to_data
from couler_plugins.ir import Expression, Literal, Native, Node, Reference, Template, Value, rebuild

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


def together(pieces: Iterable[Any]) -> Value:
    """Return texts and values of texts, one behind the other, as one value."""
    flat = (part for piece in pieces for part in (piece.parts if isinstance(piece, Template) else (piece,)))
    parts = joined(str(part.value) if isinstance(part, Literal) else part for part in flat)
    if len(parts) == 1 and isinstance(parts[0], Reference):
        return parts[0]
    return Literal(value="".join(parts)) if all(isinstance(part, str) for part in parts) else Template(parts=parts)


def substituted(value: T, change: Function[[Reference], Reference | str]) -> T:
    """Return a value, or what holds values, with each reference changed; a text becomes a part of what is around it."""

    def filled(node: Node) -> Node:
        match node:
            case Reference():
                new = change(node)
                return Literal(value=new) if isinstance(new, str) else new
            case Template(parts=parts):
                text = together(parts)
                return Template(parts=(text,)) if isinstance(text, Reference) else text
            case Native(parts=parts):
                return Native(
                    parts=joined(json.dumps(part.value)[1:-1] if isinstance(part, Literal) else part for part in parts)
                )
        return node

    return rebuild(value, filled)


def words(*texts: str) -> tuple[Value, ...]:
    """Return texts as arguments of a command."""
    return tuple(Literal(value=text) for text in texts)


def data_of(native: Native) -> Any:
    """Return a structure as data in which each text with references is a value."""
    return _with_values(*to_data(native))


def _with_values(data: Any, references_inside: Sequence[Reference | Expression]) -> Any:
    match data:
        case dict():
            return {key: _with_values(content, references_inside) for key, content in data.items()}
        case list():
            return [_with_values(content, references_inside) for content in data]
        case str() if "\0" in data and references_inside:
            pieces = enumerate(data.split("\0"))
            return together(references_inside[int(piece)] if number % 2 else piece for number, piece in pieces)
    return data


def fields(native: Native | None) -> dict[str, Any]:
    """Return a structure as a mapping in which each text with references is a value; empty for what is none."""
    data = data_of(native) if native is not None else {}
    return data if isinstance(data, dict) else {}


def structured(data: Mapping[str, Any] | list[Any]) -> Native | None:
    """Return data in which some texts are values as a structure; None where there is nothing in it."""
    references_inside: list[Reference | Expression] = []

    def token(value: Any) -> Any:
        match value:
            case dict():
                return {key: token(item) for key, item in value.items()}
            case list() | tuple():
                return [token(item) for item in value]
            case Literal(value=content):
                return content
            case Template(parts=parts):
                return "".join(map(token, parts))
            case Reference() | Expression():
                references_inside.append(value)
                return f"\0{len(references_inside) - 1}\0"
        return value

    return from_data(token(data), references_inside)
