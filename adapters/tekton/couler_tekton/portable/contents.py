"""What parameters hold: texts, lists and objects of texts, and JSON of which only the run knows what is in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from couler_plugins.engine_kit.legalize.values import data_of, joined, together
from couler_plugins.ir import Literal, Native, Reference, Template, Value, rebuild
from couler_plugins.ir.values import Node

ALL = "*"


class Later(NamedTuple):
    """A list or an object that a run makes.

    Attributes:
        text: its JSON.
        is_list: whether it is a list.
    """

    text: Value
    is_list: bool = True


Text = Literal | Reference | Template
Content = Value | list[Any] | dict[str, Any] | Later
Look = Callable[[Reference], "Content | None"]
"""What a reference stands for; None where nobody knows."""


def at(content: Content | None, path: tuple[str, ...]) -> Content | None:
    """Return a part of what a parameter holds: all of it (`*`), an item, or what is under a key."""
    match content, path:
        case None, _:
            return None
        case _, () | ("*",):
            return content
        case list(), (number,) if number.isdigit() and int(number) < len(content):
            return content[int(number)]  # type: ignore[no-any-return]
        case dict(), (key,):
            return content.get(key)
    return None


def resolve(value: Value | None, look: Look) -> Content | None:
    """Return what a value is, with all that is known filled in; None where some of it is not known."""
    match value:
        case Native():
            return _filled(data_of(value), look)
        case Reference():
            return look(value)
        case Template():
            return _text(value, look)
    return value


def _filled(data: Any, look: Look) -> Content | None:
    match data:
        case list():
            items: list[Any] = []
            for item in data:
                inner = _filled(item, look)
                if inner is None or isinstance(inner, Later):
                    return None
                items += inner if isinstance(inner, list) else [inner]
            return items
        case dict():
            pairs = {key: _filled(item, look) for key, item in data.items()}
            return None if any(not isinstance(item, Text) for item in pairs.values()) else pairs
        case Reference() | Template():
            return resolve(data, look)
    return Literal(value=data if isinstance(data, str) else json.dumps(data))


def _text(template: Template, look: Look) -> Value | None:
    parts: list[Any] = []
    for part in template.parts:
        filled = look(part) if isinstance(part, Reference) else part
        if isinstance(filled, Later):
            filled = filled.text
        match filled:
            case str() | Reference() | Literal(value=str()) | Template():
                parts.append(filled)
            case _:
                return None
    return together(parts)


def resolve_inside(node: Any, look: Look) -> Any:
    """Return what holds values with all that is known filled in; what nobody knows stays as it is."""

    def piece(reference: Reference) -> Value:
        content = look(reference)
        if isinstance(content, Later):
            return content.text if reference.path == (ALL,) or not reference.path else reference
        return content if isinstance(content, Text) else reference

    def change(one: Node) -> Node:
        match one:
            case Reference():
                return piece(one)
            case Template(parts=parts):
                return together(parts)
            case Native(parts=parts):
                return Native(parts=joined(inner for part in parts for inner in _in_json(part)))
        return one

    return rebuild(node, change)


def _in_json(part: Any) -> tuple[Any, ...]:
    match part:
        case Literal(value=text):
            return (json.dumps(text)[1:-1] if isinstance(text, str) else json.dumps(text),)
        case Template(parts=parts):
            return tuple(json.dumps(one)[1:-1] if isinstance(one, str) else one for one in parts)
    return (part,)
