"""Mappings: views of JSON-like data that may be anything, and values by their keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

Mapped = dict[str, Any]
K = TypeVar("K")
V = TypeVar("V")


def by_key(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    """Return the values of each key, all in the order of the pairs."""
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def mapping_at(content: Any, *keys: Any) -> Mapped:
    """The mapping under these keys, one in the other; an empty one where there is none."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else {}


def entries(holder: Any, key: str) -> list[Mapped]:
    """The mappings in a list."""
    content = holder.get(key) if isinstance(holder, dict) else None
    return [item for item in content if isinstance(item, dict)] if isinstance(content, list) else []


def under(data: Any, *keys: str) -> Iterator[Any]:
    """Whatever is not empty and stands under one of these keys, anywhere in data."""
    for key, part in _items(data):
        if key in keys and part:
            yield part
        else:
            yield from under(part, *keys)


def texts_in(data: Any, *beside: str) -> Iterator[str]:
    """Every text in a part of a container but under some keys; of an image only its name, since registries have any."""
    if isinstance(data, str):
        yield data
    for key, part in _items(data):
        if key == "image" and isinstance(part, str):
            yield re.sub(r"[:@].*", "", part.rsplit("/", 1)[-1])
        elif key not in beside:
            yield from texts_in(part, *beside)


def _items(data: Any) -> Any:
    return data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
