"""Structures of Tekton's own as IR values, with the variables in their texts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec

from couler_plugins.errors import Unsupported
from couler_plugins.ir import Native, Reference

__all__ = ["structure", "write_structure"]

TOKEN = re.compile(r"\\u0000(\d+)\\u0000")


def structure(data: Any, parts: Callable[[str], tuple[str | Reference, ...]]) -> Native:
    """A structure with all references in it; the order of a mapping's keys does not count.

    Args:
        data: the structure.
        parts: cuts a text at its variables.
    """
    references_inside: list[Reference] = []

    def marked(content: Any) -> Any:
        match content:
            case dict():
                return {key: marked(inner) for key, inner in content.items()}
            case list():
                return [marked(inner) for inner in content]
            case str() if "$(" in content:
                return "".join(part if isinstance(part, str) else token(part) for part in parts(content))
        return content

    def token(reference: Reference) -> str:
        references_inside.append(reference)
        return f"\0{len(references_inside) - 1}\0"

    text = msgspec.json.encode(marked(data), order="sorted").decode()
    pieces = TOKEN.split(text) if references_inside else [text]
    return Native(
        parts=tuple(
            references_inside[int(piece)] if number % 2 else piece for number, piece in enumerate(pieces) if piece
        )
    )


def write_structure(native: Native, spelled: Callable[[Reference], str]) -> Any:
    """The structure as data.

    Raises:
        Unsupported: Tekton has no variable for a reference in it.
    """
    texts: list[str] = []
    for part in native.parts:
        if isinstance(part, Reference):
            texts.append(json.dumps(spelled(part))[1:-1])
        elif isinstance(part, str):
            texts.append(part)
        else:
            reason, hint = "Tekton has no expressions in structures", "compute it in a task"
            raise Unsupported(reason, engine="tekton", feature="Expression", hint=hint)
    return json.loads("".join(texts))
