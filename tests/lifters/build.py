"""What the lifters share: values with the references found in them, whatever the spelling of a reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from couler_plugins.ir import Argument, Literal, Native, Port, Reference, Template, Value

Scan = Callable[[str], list[str | Reference]]
"""Cuts a text at its references."""


def value(data: Any, scan: Scan) -> Value:
    """A scalar, a text with references, or a structure as a value."""
    if isinstance(data, (dict, list)):
        return native(data, scan)
    parts = scan(data) if isinstance(data, str) else []
    if not any(isinstance(part, Reference) for part in parts):
        return Literal(value=data)
    if len(parts) == 1 and isinstance(parts[0], Reference):
        return parts[0]
    return Template(parts=tuple(parts))


def maybe(data: Any, scan: Scan) -> Value | None:
    return None if data is None else value(data, scan)


def native(data: Any, scan: Scan) -> Native:
    """A structure as JSON text, cut at the references; a `Reference` may also stand for a whole value in it."""
    return Native(parts=tuple(merged(json_pieces(data, scan))))


def rest(data: Mapping[str, Any], known: Iterable[str], scan: Scan) -> Native | None:
    """What is left of a mapping without the keys that were lifted, if anything."""
    left = {key: item for key, item in data.items() if key not in set(known)}
    return native(left, scan) if left else None


def json_pieces(data: Any, scan: Scan) -> Iterator[str | Reference]:
    match data:
        case Reference():
            yield data
        case str():
            yield '"'
            yield from (json.dumps(part)[1:-1] if isinstance(part, str) else part for part in scan(data))
            yield '"'
        case dict():
            yield "{"
            for number, (key, item) in enumerate(data.items()):
                yield ("," if number else "") + json.dumps(key) + ":"
                yield from json_pieces(item, scan)
            yield "}"
        case list():
            yield "["
            for number, item in enumerate(data):
                yield "," if number else ""
                yield from json_pieces(item, scan)
            yield "]"
        case _:
            yield json.dumps(data)


def merged(pieces: Iterable[str | Reference]) -> list[str | Reference]:
    """The pieces with neighbouring texts joined and empty ones left out."""
    out: list[str | Reference] = []
    for piece in pieces:
        if isinstance(piece, str) and out and isinstance(out[-1], str):
            out[-1] += piece
        elif piece != "":
            out.append(piece)
    return out


def arguments(items: Iterable[Argument]) -> tuple[Argument, ...]:
    """The arguments in the IR's order; of two with one name, the first."""
    distinct = {(item.kind, item.name): item for item in reversed(list(items))}
    return tuple(distinct[key] for key in sorted(distinct))


def ports(items: Iterable[Port]) -> tuple[Port, ...]:
    return tuple(sorted(items, key=lambda item: (item.kind, item.name)))
