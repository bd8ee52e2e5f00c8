"""Conditions and loops of the IR as predicates and functions of the authoring API."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Set
from typing import NamedTuple

from couler_plugins.authoring.source.texts import Reading, constant, expression, refused
from couler_plugins.ir import Expression, Native, Reference, Step, Template, Value, fresh_name, references

NAMES = {
    "==": "equal",
    "!=": "not_equal",
    ">": "bigger",
    "<": "smaller",
    ">=": "bigger_equal",
    "<=": "smaller_equal",
}
MARK = "\ue000"
CEL = re.compile(rf"""\s*{MARK}(\d+){MARK} (==|!=) (?:{MARK}(\d+){MARK}|'([^']*)'|("(?:[^"\\]|\\.)*"))\s*""")
PLAIN = re.compile(rf"""\s*('?){MARK}(\d+){MARK}\1 (==|!=|>=|<=|>|<) ('?)(?:{MARK}(\d+){MARK}|([^'&|\s]+))\4\s*""")


class Tested(NamedTuple):
    """One comparison: of what, how, and with what."""

    left: Reference
    operator: str
    right: Reference | str


def asked_of(condition: Value | None, subject: str) -> list[Tested]:
    """What has to hold, all of it.

    Raises:
        Unsupported: it is more than comparisons that the interface has predicates for.
    """
    if condition is None:
        return []
    if not isinstance(condition, (Expression, Template)):
        raise refused(subject, "has a condition that is no comparison")
    read = [part for part in condition.parts if isinstance(part, Reference)]
    numbers = iter(range(len(read)))
    if len(read) + sum(isinstance(part, str) for part in condition.parts) != len(condition.parts):
        raise refused(subject, "has a condition with a text that is put together")
    text = "".join(part if isinstance(part, str) else f"{MARK}{next(numbers)}{MARK}" for part in condition.parts)
    is_cel = isinstance(condition, Expression)
    return [_asked(piece, read, subject, is_cel=is_cel) for piece in text.split(" && ")]


def _asked(text: str, read: list[Reference], subject: str, *, is_cel: bool) -> Tested:
    match = (CEL if is_cel else PLAIN).fullmatch(text)
    if match is None:
        raise refused(subject, "has a condition that is more than comparisons with constants")
    if is_cel:
        left, operator, other, plain, quoted = match.groups()
        right = json.loads(quoted) if quoted is not None else plain
    else:
        _, left, operator, _, other, right = match.groups()
    return Tested(read[int(left)], operator, read[int(other)] if other is not None else right)


def predicate(comparison: Tested, read: Reading, *, of_itself: bool = False) -> str:
    """The comparison as Python; `of_itself` leaves out what a loop's own step gives."""
    right = read(comparison.right) if isinstance(comparison.right, Reference) else constant(comparison.right)
    left = "" if of_itself else f"{read(comparison.left)}, "
    return f"couler.{NAMES[comparison.operator]}({left}{right})"


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
