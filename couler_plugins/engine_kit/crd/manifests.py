"""The objects in a document: itself, or the items of a `List`, which kubectl takes one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_plugins.documents import Path


def manifests(data: Any, path: Path = ()) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every object in a document's data, with its path there."""
    if not isinstance(data, dict):
        return
    items = data.get("items")
    if data.get("kind") == "List" and isinstance(items, list):
        for index, item in enumerate(items):
            yield from manifests(item, (*path, "items", index))
    else:
        yield path, data
