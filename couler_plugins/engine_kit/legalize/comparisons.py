"""Conditions that ask how a value compares with a number, beside those of `conditions`: not every engine has them.

They are read from CEL (`double(x) < 0.5`: values are texts) and from plain text with references in it, as Argo has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from couler_plugins.engine_kit.legalize.conditions import Membership, memberships
from couler_plugins.ir import Expression, Reference, Template, Value, replace

MARK = "\ue000"
TAIL = r"\s*(==|!=|<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)\s*"
PLAIN = re.compile(rf"\s*{MARK}{TAIL}")
CAST = re.compile(rf"\s*(?:double|int)\(\s*{MARK}\s*\){TAIL}")


class Comparison(NamedTuple):
    """A value compares so with a number."""

    value: Reference
    operator: str
    number: str


def comparisons(condition: Value | None) -> tuple[Membership | Comparison, ...] | None:
    """What has to hold, all of it; None where the condition is more than that."""
    plain = memberships(condition)
    if plain is not None or not isinstance(condition, (Expression, Template)):
        return plain
    comparisons_read: list[Membership | Comparison] = []
    for part in _conjuncts(condition):
        numeric = _numeric(part)
        members = (numeric,) if numeric is not None else memberships(part)
        if not members:
            return None
        comparisons_read += members
    return tuple(comparisons_read)


def _conjuncts(condition: Expression | Template) -> Iterator[Expression | Template]:
    """The condition, cut at `&&`; one in a text between quotes makes parts that nobody can read, which is refused."""
    parts: list[list[Any]] = [[]]
    for part in condition.parts:
        first, *others = part.split("&&") if isinstance(part, str) else [part]
        parts[-1].append(first)
        parts += [[other] for other in others]
    return (replace(condition, parts=tuple(own)) for own in parts)


def _numeric(condition: Expression | Template) -> Comparison | None:
    if isinstance(condition, Expression) and condition.language != "cel":
        return None
    values = [part for part in condition.parts if not isinstance(part, str)]
    text = "".join(part if isinstance(part, str) else MARK for part in condition.parts)
    match = (CAST if isinstance(condition, Expression) else PLAIN).fullmatch(text)
    if match is None or text.count(MARK) > 1 or not isinstance(values[0], Reference):
        return None
    return Comparison(values[0], match[1], match[2])
