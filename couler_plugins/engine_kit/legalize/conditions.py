"""Conditions that only ask whether a text is among others: every engine has words for these.

They are read from CEL over texts, which adapters write, and from plain text with references in it, as Argo has it:
there a word without quotes is a string, and a number is compared as one, so it is no text.

Conditions that ask how a value compares with a number: not every engine has them.

They are read from CEL (`double(x) < 0.5`: values are texts) and from plain text with references in it, as Argo has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from couler_plugins.ir import Expression, Literal, Reference, Template, Value, replace

MARK = "\ue000"
TOKEN = re.compile(
    rf"""\s*(==|!=|&&|!|\(|\)|\[|\]|,|\bin\b|{MARK}\d+{MARK}|'[^']*'|"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*)"""
)
QUOTED_REFERENCE = re.compile(rf"(['\"])({MARK}\d+{MARK})\1")
QUOTES, TRUTH = "'\"", ("true", "false")
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DATE = re.compile(r"\d[-:/.]\d")
"""What Argo takes for a date, although it stands in quotes."""
SUCCEEDED = "Succeeded"
"""What the outcome of a run is compared with, at its end; of the rest, engines say it each in words of their own."""
OUTCOME = "outcome"


def outcome() -> Reference:
    """Return how the run went, for conditions of what runs at its end: whether it succeeded."""
    return Reference(to="run", name=OUTCOME)


def is_outcome(reference: Reference) -> bool:
    """Return whether this is the outcome of the run."""
    return reference.to == "run" and reference.name == OUTCOME and not reference.path


class Membership(NamedTuple):
    """A text is (or, `negated`, is not) one of these."""

    value: Reference
    among: tuple[str, ...]
    negated: bool = False


def memberships(condition: Value | None) -> tuple[Membership, ...] | None:
    """What has to hold, all of it; None where the condition is more than that."""
    match condition:
        case None | Literal(value=""):
            return ()
        case Expression(language="cel", parts=parts):
            return _Reader(parts, is_plain=False).read()
        case Template(parts=parts):
            return _Reader(parts, is_plain=True).read()
    return None


class _Unread(Exception):
    """There is more in the condition than these questions."""


class _Reader:
    """Reads one condition from the left to the right."""

    def __init__(self, parts: Sequence[object], *, is_plain: bool) -> None:
        self._references = [part for part in parts if isinstance(part, Reference)]
        self._is_plain = is_plain
        self._is_simple = all(isinstance(part, (str, Reference)) for part in parts)
        numbers = iter(range(len(parts)))
        self._text = "".join(part if isinstance(part, str) else f"{MARK}{next(numbers)}{MARK}" for part in parts)
        self._tokens: list[str] = []

    def read(self) -> tuple[Membership, ...] | None:
        if not self._is_simple or self._text.count(MARK) != 2 * len(self._references):
            return None
        try:
            self._tokens = self._cut(self._text)
            comparisons_read = self._all()
            return None if self._tokens else tuple(comparisons_read)
        except _Unread:
            return None

    def _cut(self, text: str) -> list[str]:
        tokens: list[str] = []
        end = 0
        while text[end:].strip():
            quoted = QUOTED_REFERENCE.match(text, end + len(text[end:]) - len(text[end:].lstrip()))
            match = quoted or TOKEN.match(text, end)
            if match is None or (MARK in match[0] and quoted is None and match[1][0] in QUOTES):
                raise _Unread
            tokens.append(match[0].strip())
            end = match.end()
        return tokens

    def _next(self, *wanted: str) -> str:
        if not self._tokens or (wanted and self._tokens[0] not in wanted):
            raise _Unread
        return self._tokens.pop(0)

    def _all(self) -> list[Membership]:
        comparisons_read = self._one()
        while self._tokens[:1] == ["&&"]:
            self._next()
            comparisons_read += self._one()
        return comparisons_read

    def _one(self) -> list[Membership]:
        if self._tokens[:1] == ["!"]:
            self._next()
            comparisons_read = self._one()
            if len(comparisons_read) != 1:
                raise _Unread
            return [comparisons_read[0]._replace(negated=not comparisons_read[0].negated)]
        if self._tokens[:1] == ["("]:
            self._next()
            comparisons_read = self._all()
            self._next(")")
            return comparisons_read
        return [self._question()]

    def _question(self) -> Membership:
        left = self._next()
        how = self._next("==", "!=", "in")
        if how == "in":
            if self._is_plain:
                raise _Unread
            self._next("[")
            among = [self._constant(self._next())]
            while self._next(",", "]") == ",":
                among.append(self._constant(self._next()))
            return Membership(self._reference(left), tuple(among))
        right = self._next()
        if MARK in right:
            left, right = right, left
        return Membership(self._reference(left), (self._constant(right, left),), negated=how == "!=")

    def _reference(self, token: str) -> Reference:
        if MARK not in token or (token[0] in QUOTES and not self._is_plain):
            raise _Unread
        return self._references[int(token.strip("'\"").strip(MARK))]

    def _constant(self, token: str, beside: str = "") -> str:
        """A text that is compared with what stands `beside` it."""
        if MARK in token:
            raise _Unread
        return self._word(token, beside) if self._is_plain else _string(token)

    def _word(self, token: str, beside: str) -> str:
        """A word, or a string in quotes; in quotes is another kind than a truth value, or a number, without."""
        quoted, beside_quoted = token[0] in QUOTES, beside[:1] in tuple(QUOTES)
        text = token[1:-1] if quoted else token
        if "\\" in text or DATE.search(text):
            raise _Unread
        same_kind = WORD.fullmatch(text) and (text not in TRUTH or quoted is beside_quoted)
        if not same_kind and not (quoted and beside_quoted):
            raise _Unread
        return text


def _string(token: str) -> str:
    """A string of CEL."""
    if token[0] not in QUOTES or (token[0] == "'" and "\\" in token):
        raise _Unread
    try:
        return str(json.loads(token)) if token[0] == '"' else token[1:-1]
    except ValueError:
        raise _Unread from None


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
