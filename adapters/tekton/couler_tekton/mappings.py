"""JSON-like mappings and lists: looked into, taken apart, and put together again."""

from __future__ import annotations

import json
from typing import Any

from couler_plugins.documents import Path
from couler_plugins.errors import InvalidInput

Mapped = dict[str, Any]


def mappings(holder: Mapped, key: str, path: Path) -> list[Mapped]:
    """The list of mappings under a key; empty where there is none.

    Raises:
        InvalidInput: there is something else; `path` is that of the holder.
    """
    content = holder.get(key)
    if content is None:
        return []
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        hint = "see `kubectl explain` for what belongs here"
        raise InvalidInput(f"{key}: a list of mappings is expected here", engine="tekton", path=(*path, key), hint=hint)
    return content


def named(holder: Mapped, key: str, path: Path) -> list[Mapped]:
    """As `mappings`, where each has a name that no other has.

    Raises:
        InvalidInput: one has none, or two have the same.
    """
    items = mappings(holder, key, path)
    seen: set[str] = set()
    for number, item in enumerate(items):
        name, place = item.get("name"), (*path, key, number)
        if name is None or name == "":
            message = f"{key}: number {number + 1} has no name"
            raise InvalidInput(message, engine="tekton", path=place, hint="name it")
        if not isinstance(name, str):
            message = (
                f"{key}: the name of number {number + 1} is not text: Kubernetes reads it as {json.dumps(name)[:40]}"
            )
            raise InvalidInput(message, engine="tekton", path=(*place, "name"), hint="put the name in quotes")
        if name in seen:
            message = f"{key}: there are two of the name {name!r}"
            raise InvalidInput(message, engine="tekton", path=place, hint="rename one of them")
        seen.add(name)
    return items


def unless_empty(content: Mapped, *keys: str) -> Mapped:
    """The mapping without these keys; those that hold nothing stay, since no field tells them from missing ones."""
    return {key: value for key, value in content.items() if key not in keys or not value}
