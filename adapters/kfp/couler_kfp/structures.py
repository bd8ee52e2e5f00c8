"""Structures of KFP's own, with the references in them: placeholders in their texts, and names of tasks and inputs.

A name that stands under a key such as `producerTask` is a reference, too: platform configuration reads outputs of tasks
that way (`pvcMount.pvcNameParameter.taskOutputParameter`), and so does whatever we have no field for.
Beside them are the mappings of documents: looked into, and what no field expresses of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from couler_kfp.texts import Own, Spell, own_input, parts, spell
from couler_plugins.documents import Mapped, Path
from couler_plugins.engine_kit.structures import cut_structure, join_structure
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Expression, Literal, Native, Reference, Value

PRODUCERS = {"producerTask": "", "producerSubtask": ""}
OUTPUT_KEYS = {"outputParameterKey": "parameter", "outputArtifactKey": "artifact"}
INPUTS = {"componentInputParameter": "parameter", "componentInputArtifact": "artifact", "runtimeParameter": "parameter"}
NAMED = tuple(f'"{key}":"' for key in (*PRODUCERS, *INPUTS))


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
    return cut_structure(data, "{{$", lambda text: parts(text, own), _named if names else lambda holder, key: None)


def _named(holder: dict[str, Any], key: str) -> Reference | None:
    """The reference that is made by name under this key."""
    content = holder[key]
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

    def spelled_at(part: Reference | Expression, before: str) -> str:
        if isinstance(part, Expression):
            return ""
        return (part.step or part.name) if names and before.endswith(NAMED) else spelled(part)

    return join_structure(native, spelled_at)


def mapping(holder: Mapped, key: str, path: Path) -> Mapped:
    """The mapping under a key; empty where there is none.

    Raises:
        InvalidInput: there is something else; `path` is that of the holder.
    """
    content = holder.get(key, {})
    if not isinstance(content, dict):
        message = f"{key}: a mapping is expected here"
        raise InvalidInput(message, engine="kfp", path=(*path, key), hint="compile the pipeline again")
    return content


def rest_of(content: Mapped) -> Native | None:
    """What no field expresses; None where that is nothing."""
    return structure(content) if content else None
