"""Structures of KFP's own, with the references in them: placeholders in their texts, and names of tasks and inputs.

A name that stands under a key such as `producerTask` is a reference, too: platform configuration reads outputs of tasks
that way (`pvcMount.pvcNameParameter.taskOutputParameter`), and so does whatever we have no field for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from couler_kfp.texts import Own, Spell, own_input, parts, spell
from couler_plugins.ir import Literal, Native, Reference, Value

__all__ = ["named", "plain", "structure", "write_structure"]

PRODUCERS = {"producerTask": "", "producerSubtask": ""}
OUTPUT_KEYS = {"outputParameterKey": "parameter", "outputArtifactKey": "artifact"}
INPUTS = {"componentInputParameter": "parameter", "componentInputArtifact": "artifact", "runtimeParameter": "parameter"}
NAMED = tuple(f'"{key}":"' for key in (*PRODUCERS, *INPUTS))
TOKEN = re.compile(r"\\u0000(\d+)\\u0000")


def plain(data: Any) -> Value:
    """A constant, whose texts mean nothing but themselves."""
    if isinstance(data, (dict, list)):
        return Native(parts=(msgspec.json.encode(data, order="sorted").decode(),))
    return Literal(value=data)


def structure(data: Any, own: Own = own_input, names: bool = True) -> Native:
    """A structure with all references in it; the order of a mapping's keys does not count.

    Args:
        data: the structure.
        own: what an input stands for.
        names: whether names of tasks and inputs are references, too; in a user's constants they are not.
    """
    references_inside: list[Reference] = []
    marked = _marked(data, own, names, references_inside)
    text = msgspec.json.encode(marked, order="sorted").decode()
    if not references_inside:
        return Native(parts=(text,))
    pieces = TOKEN.split(text)
    return Native(
        parts=tuple(
            references_inside[int(piece)] if number % 2 else piece for number, piece in enumerate(pieces) if piece
        )
    )


def _marked(data: Any, own: Own, names: bool, references_inside: list[Reference]) -> Any:
    """The structure with a token in place of each reference."""

    def token(reference: Reference) -> str:
        references_inside.append(reference)
        return f"\0{len(references_inside) - 1}\0"

    match data:
        case dict():
            marked = {}
            for key, content in data.items():
                reference = _named(data, key, content) if names else None
                marked[key] = _marked(content, own, names, references_inside) if reference is None else token(reference)
            return marked
        case list():
            return [_marked(item, own, names, references_inside) for item in data]
        case str() if "{{$" in data:
            return "".join(part if isinstance(part, str) else token(part) for part in parts(data, own))
    return data


def _named(holder: dict[str, Any], key: str, content: Any) -> Reference | None:
    """The reference that is made by name under this key."""
    if not isinstance(content, str):
        return None
    if key in INPUTS:
        return Reference(to="input", kind=INPUTS[key], name=content)
    if key in PRODUCERS:
        for output, kind in OUTPUT_KEYS.items():
            if isinstance(holder.get(output), str):
                return Reference(to="output", step=content, kind=kind, name=holder[output])
        return Reference(to="status", step=content)
    return None


def named(native: Native | None) -> Iterator[Reference]:
    """The references to tasks, and to inputs of the graph around, that a structure makes by name."""
    before = ""
    for part in () if native is None else native.parts:
        if isinstance(part, Reference) and before.endswith(NAMED):
            yield part
        before = part if isinstance(part, str) else ""


def write_structure(native: Native, spelled: Spell = spell, names: bool = True) -> Any:
    """The structure as data; what was read with `names` is written with them.

    Raises:
        Unsupported: KFP has no words for a reference in it.
    """
    texts: list[str] = []
    for part in native.parts:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, Reference):
            is_name = names and bool(texts) and texts[-1].endswith(NAMED)
            texts.append(json.dumps((part.step or part.name) if is_name else spelled(part))[1:-1])
    return json.loads("".join(texts))
