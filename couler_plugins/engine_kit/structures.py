"""Texts and structures of an engine's own as IR values, cut at the references in them; and variables of containers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from couler_plugins.documents.mappings import Mapped, without
from couler_plugins.ir import EnvVar, Expression, Native, Reference, Value

P = TypeVar("P")
TOKEN = re.compile(r"\\u0000(\d+)\\u0000")


def cut_text(text: str, pattern: re.Pattern[str], read: Callable[[re.Match[str]], P | None]) -> tuple[str | P, ...]:
    """A text, cut at what a pattern matches; what `read` makes nothing of stays text. Only the only part may be empty.

    Args:
        text: the text.
        pattern: what may stand for something else.
        read: what a match stands for; None where it is nothing but text.
    """
    parts: list[str | P] = []
    end = 0
    for match in pattern.finditer(text):
        part = read(match)
        if part is not None:
            parts += [*filter(None, [text[end : match.start()]]), part]
            end = match.end()
    return (*parts, text[end:]) if end < len(text) or not parts else tuple(parts)


def cut_structure(
    data: Any,
    sign: str,
    parts: Callable[[str], Iterable[str | Reference]],
    named: Callable[[dict[str, Any], str], Reference | None] = lambda holder, key: None,
) -> Native:
    """A structure with all references in it; the order of a mapping's keys does not count.

    Args:
        data: the structure.
        sign: what stands in every text that has a reference.
        parts: cuts a text at its references.
        named: gives the reference that stands under a key of a mapping, where that is a name and no text.
    """
    references_inside: list[Reference] = []

    def token(reference: Reference) -> str:
        references_inside.append(reference)
        return f"\0{len(references_inside) - 1}\0"

    def marked(content: Any) -> Any:
        match content:
            case dict():
                return {
                    key: token(reference) if (reference := named(content, key)) else marked(inner)
                    for key, inner in content.items()
                }
            case list():
                return [marked(inner) for inner in content]
            case str() if sign in content:
                return "".join(part if isinstance(part, str) else token(part) for part in parts(content))
        return content

    text = msgspec.json.encode(marked(data), order="sorted").decode()
    pieces = TOKEN.split(text) if references_inside else [text]
    return Native(
        parts=tuple(
            references_inside[int(piece)] if number % 2 else piece for number, piece in enumerate(pieces) if piece
        )
    )


def read_environment(items: Any, value: Callable[[Mapped], Value]) -> tuple[EnvVar, ...] | None:
    """The variables of a container, each with what its mapping says beside its name; None where it has other items."""
    named = isinstance(items, list) and all(
        isinstance(item, dict) and isinstance(item.get("name"), str) for item in items
    )
    return tuple(EnvVar(name=item["name"], value=value(without(item, "name"))) for item in items) if named else None


def write_environment(variables: Iterable[EnvVar], write: Callable[[Value], Any]) -> list[Mapped]:
    """The variables of a container as mappings; a structure says all that stands beside the name."""
    written = [(variable, write(variable.value)) for variable in variables]
    return [
        {"name": variable.name, **(content if isinstance(variable.value, Native) else {"value": content})}
        for variable, content in written
    ]


def join_structure(native: Native, spelled: Callable[[Reference | Expression, str], str]) -> Any:
    """The structure as data; `spelled` is given each reference, and the JSON text before it."""
    texts: list[str] = []
    for part in native.parts:
        before = texts[-1] if texts else ""
        texts.append(part if isinstance(part, str) else json.dumps(spelled(part, before))[1:-1])
    return json.loads("".join(texts))
