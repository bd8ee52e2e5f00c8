"""Conditions of the IR as predicates: those that the interface writes are read back, and no others."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from couler_plugins.authoring.source.texts import Reading, constant, refused
from couler_plugins.ir import Expression, Reference, Template, Value

__all__ = ["Tested", "asked_of", "predicate"]

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
