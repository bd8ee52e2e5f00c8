"""Conditions of other engines, taken apart: comparisons, joined by `&&`, `||` and `!`.

Argo's `=~` takes Go's regular expressions, and so does `matches` of KFP's CEL (cel-go).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from couler_plugins.engine_kit.legalize.conditions import MARK, Comparison, Membership, comparisons
from couler_plugins.engine_kit.legalize.values import joined
from couler_plugins.ir import Expression, Reference, Template, Value, replace

PIECE = re.compile(rf"{MARK}(\d+){MARK}")
PATTERN = re.compile(rf"\s*(['\"]?){MARK}(\d+){MARK}\1\s*=~\s*(['\"]?)([^'\"\\{MARK}]+?)\3\s*")


class Match(NamedTuple):
    """A text has a part that a regular expression describes."""

    value: Reference
    pattern: str


Test = Membership | Comparison | Match


class Choice(NamedTuple):
    """Questions that are joined: all of them hold (`&&`), one does (`||`), or the only one does not (`!`)."""

    joint: str
    parts: tuple[Test | Choice, ...]


def question_of(condition: Value | None, more: Sequence[Test] = ()) -> Choice | None:
    """Return what has to hold, a conjunction; None where nobody knows what that is.

    Args:
        condition: it is read from CEL, or from plain text with references in it.
        more: has to hold, too.
    """
    tests = comparisons(condition)
    if tests is not None:
        return Choice("&&", (*tests, *more))
    if not isinstance(condition, (Expression, Template)):
        return None
    references = [part for part in condition.parts if not isinstance(part, str)]
    numbers = iter(range(len(references)))
    text = "".join(part if isinstance(part, str) else f"{MARK}{next(numbers)}{MARK}" for part in condition.parts)
    if not all(isinstance(item, Reference) for item in references):
        return None
    read = _Reader(condition, references).read(text)
    return None if read is None else Choice("&&", (read, *more))


def tests_of(question: Choice | None) -> Iterator[Test]:
    """Yield all that is asked."""
    for part in () if question is None else question.parts:
        if isinstance(part, Choice):
            yield from tests_of(part)
        else:
            yield part


class _Reader:
    """Reads a condition with a mark in place of each reference."""

    def __init__(self, condition: Expression | Template, references: Sequence[Any]) -> None:
        self._condition = condition
        self._references = references

    def read(self, text: str) -> Choice | None:
        for joint in ("||", "&&"):
            pieces = _split(text, joint)
            if len(pieces) > 1:
                parts = [self.read(piece) for piece in pieces]
                return None if None in parts else Choice(joint, tuple(filter(None, parts)))
        bare = text.strip()
        if bare.startswith("!") and not bare.startswith("!="):
            inner = self.read(bare[1:])
            return None if inner is None else Choice("!", (inner,))
        if _is_in_brackets(bare):
            return self.read(bare[1:-1])
        pattern = PATTERN.fullmatch(text)
        if pattern is not None and isinstance(self._condition, Template):
            return Choice("&&", (Match(self._references[int(pattern[2])], pattern[4]),))
        cut = enumerate(PIECE.split(text))
        filled = joined(self._references[int(item)] if number % 2 else item for number, item in cut)
        tests = comparisons(replace(self._condition, parts=filled))
        return Choice("&&", tests) if tests else None


def _split(text: str, joint: str) -> list[str]:
    """Return a text, cut where it is joined outside of brackets and quotes."""
    pieces, start = [], 0
    for position in _outside(text):
        if text.startswith(joint, position) and position >= start:
            pieces.append(text[start:position])
            start = position + len(joint)
    return [*pieces, text[start:]]


def _outside(text: str) -> Iterator[int]:
    depth, quote = 0, ""
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif not depth:
            yield position


def _is_in_brackets(text: str) -> bool:
    return text.startswith("(") and text.endswith(")") and not any(True for _ in _outside(text))
