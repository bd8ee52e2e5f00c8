"""IfPresent and Concat: what becomes of them is known where the callers of a component agree.

Source: `kfp.dsl.placeholders`, and KFP's driver, which takes each argument that is such a JSON text apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from couler_kfp.portable.types import refuse
from couler_kfp.texts import text, write_text
from couler_plugins.ir import Value

Presence = Mapping[str, bool | None]
"""By the name of an input, whether something is passed; None where that differs, or where only the run knows."""
CONCAT, PRESENT = "Concat", "IfPresent"


def flat(name: str, values: Sequence[Value], presence: Presence) -> tuple[Value, ...]:
    """Arguments without such placeholders; one of them can become several arguments, or none.

    Raises:
        Unsupported: it depends on the run, or on who calls the component.
    """
    result: list[Value] = []
    for value in values:
        structure = _structure(write_text(value))
        result += [value] if structure is None else map(text, _taken(name, structure, presence))
    return tuple(result)


def _structure(content: str) -> Any:
    if not content.startswith(("{", "[")) or not any(f'"{key}"' in content for key in (CONCAT, PRESENT)):
        return None
    try:
        data = json.loads(content)
    except ValueError:
        return None
    return data if isinstance(data, dict) and data.keys() <= {CONCAT, PRESENT} else None


def _taken(name: str, item: Any, presence: Presence) -> list[str]:
    match item:
        case str():
            return [item]
        case list():
            return [text for part in item for text in _taken(name, part, presence)]
        case {"Concat": list(parts)}:
            return ["".join(text for part in parts for text in _taken(name, part, presence))]
        case {"IfPresent": {"InputName": str(key), **branches}}:
            present = presence.get(key, False)
            if present is None:
                reason = f"has an argument that depends on whether {key!r} is passed, and its tasks differ in that"
                raise refuse("Container.args", name, reason, "pass it always, or never")
            return _taken(name, branches.get("Then" if present else "Else", []), presence)
    raise refuse("Container.args", name, "has a placeholder that is not known")
