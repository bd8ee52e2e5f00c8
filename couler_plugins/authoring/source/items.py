"""Loops over items: what they go over, and what stands for an item in the function that is called once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from typing import NamedTuple

from couler_plugins.authoring.source.texts import Reading, constant, expression, refused
from couler_plugins.ir import Native, Step, fresh_name, references

__all__ = ["Items", "items_of", "keys_of"]


class Items(NamedTuple):
    """A loop as Python.

    Attributes:
        parameters: of the function.
        values: what stands for an item, by key.
        lists: what it goes over.
    """

    parameters: str
    values: Mapping[str, str]
    lists: list[str]


def items_of(step: Step, read: Reading, around: Set[str]) -> Items:
    """The loop of a step.

    Args:
        step: the step.
        read: what stands for what it reads.
        around: what stands for items and inputs around it, which none of its own may hide.

    Raises:
        Unsupported: it is none that `map` writes.
    """
    item = fresh_name("item", [name.partition("[")[0] for name in around]).replace("-", "_")
    loop = step.loop
    assert loop is not None
    if loop.combine != "rows" or len(loop.axes) != 1 or loop.limit is not None or loop.includes:
        raise refused(step.name, "loops otherwise than over the items of one list")
    values = loop.axes[0].values
    if not isinstance(values, Native):
        return Items(item, {"": item}, [expression(values, read, step.name)])
    items = json.loads("".join(str(part) for part in values.parts))
    keys = keys_of(step)
    if not keys:
        return Items(item, {"": item}, [constant(items)])
    if not around.isdisjoint(keys):
        raise refused(step.name, "names the values of its items as a loop around it does")
    lists = [constant([row[key] for row in items]) for key in keys]
    if all(key.isidentifier() for key in keys):
        return Items(", ".join(keys), {key: key for key in keys}, lists)
    return Items(f"*{item}", {key: f"{item}[{number}]" for number, key in enumerate(keys)}, lists)


def keys_of(step: Step) -> list[str]:
    """The keys of a loop's items, where they are mappings."""
    values = step.loop.axes[0].values if step.loop is not None and step.loop.axes else None
    if not isinstance(values, Native) or any(references(values)):
        return []
    items = json.loads("".join(str(part) for part in values.parts))
    return list(items[0]) if isinstance(items, list) and items and isinstance(items[0], dict) else []
