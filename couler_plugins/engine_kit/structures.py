"""Structures of an engine's own as IR values: JSON text, cut at the references in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from couler_plugins.ir import Expression, Native, Reference

TOKEN = re.compile(r"\\u0000(\d+)\\u0000")


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


def join_structure(native: Native, spelled: Callable[[Reference | Expression, str], str]) -> Any:
    """The structure as data; `spelled` is given each reference, and the JSON text before it."""
    texts: list[str] = []
    for part in native.parts:
        before = texts[-1] if texts else ""
        texts.append(part if isinstance(part, str) else json.dumps(spelled(part, before))[1:-1])
    return json.loads("".join(texts))
