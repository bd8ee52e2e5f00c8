"""Lists that are sets or mappings: no item, or no key, may occur twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from couler_plugins.engine_kit.crd.fields import places
from couler_plugins.engine_kit.crd.problem import Problem, shown
from couler_plugins.engine_kit.crd.schema import Schema

__all__ = ["duplicates"]


def duplicates(schema: Schema, data: Any) -> Iterator[Problem]:
    """Every item of a list that repeats another, as `x-kubernetes-list-type` has it."""
    for path, list_schema, value in places(schema, data):
        if not isinstance(value, list) or list_schema.list_type not in ("set", "map"):
            continue
        seen: dict[bytes, int] = {}
        for index, item in enumerate(value):
            identity = _key(item, list_schema.list_keys) if list_schema.list_type == "map" else item
            first = seen.setdefault(msgspec.json.encode(identity, order="sorted"), index)
            if first != index:
                message = f"the items {first} and {index} of this list are the same: {shown(item)}"
                if list_schema.list_type == "map":
                    values = ", ".join(map(shown, identity.values()))
                    message = (
                        f"the items {first} and {index} have the same {' and '.join(list_schema.list_keys)}: {values}"
                    )
                yield Problem((*path, index), "duplicate", message, "remove one of them")


def _key(item: Any, names: list[str]) -> dict[str, Any]:
    return {name: item[name] for name in names if name in item} if isinstance(item, dict) else {}
