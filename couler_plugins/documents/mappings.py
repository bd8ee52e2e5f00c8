"""Mappings: views of JSON-like data that may be anything, values by their keys, and what a relation leads to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
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


def reached(starts: Iterable[K], following: Callable[[K], Iterable[K]]) -> dict[K, None]:
    """Return these and all that they lead to, directly or through others: each once, the nearest first."""
    seen = dict.fromkeys(starts)
    ahead = list(seen)
    for one in ahead:
        for other in following(one):
            if other not in seen:
                seen[other] = None
                ahead.append(other)
    return seen


def in_order(following: Mapping[K, Iterable[K]]) -> list[K]:
    """Return the keys, each after all that lead to it, first come first served; without those that wait in a circle."""
    waiting = Counter(other for others in following.values() for other in others)
    order = [key for key in following if not waiting[key]]
    for key in order:
        for other in following[key]:
            waiting[other] -= 1
            if not waiting[other]:
                order.append(other)
    return order


def mapping_at(content: Any, *keys: Any) -> Mapped:
    """The mapping under these keys, one in the other; an empty one where there is none."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content if isinstance(content, dict) else {}


def part_at(data: Any, path: Iterable[Any]) -> Any:
    """Return what is under a path; `KeyError`, `IndexError` or `TypeError` where nothing is."""
    for key in path:
        data = data[key]
    return data


def said_under(data: Any, path: Iterable[Any]) -> Any:
    """Return what is under a path of keys; None where nothing is."""
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def without(content: Mapping[str, Any], *keys: str) -> Mapped:
    """Return the mapping without these keys."""
    return {key: value for key, value in content.items() if key not in keys}


def without_empty(content: Mapping[str, Any]) -> Mapped:
    """Return the mapping without the keys that say nothing: None, and lists and mappings with nothing in them."""
    return {key: value for key, value in content.items() if value is not None and value not in ((), [], {})}


def joined(own: Mapping[str, Any], rest: Mapping[str, Any]) -> Mapped:
    """Both together; where both hold a mapping under one key, these are joined too, and otherwise `own` wins."""
    whole = dict(rest)
    for key, content in own.items():
        beside = whole.get(key)
        whole[key] = joined(content, beside) if isinstance(content, dict) and isinstance(beside, dict) else content
    return whole


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
