"""Clauses of SQLFlow's statements: words, and what stands behind them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from sqlglot import Token

from couler_plugins.errors import InvalidInput, closest
from couler_plugins.sql.statements import Attribute, Column, Content, Place, Scalar

VERBS = {
    "TRAIN": ("WITH", "COLUMN", "LABEL", "USING", "INTO"),
    "PREDICT": ("WITH", "USING"),
    "EVALUATE": ("WITH", "LABEL", "INTO"),
    "EXPLAIN": ("WITH", "USING", "INTO"),
    "RUN": ("CMD", "INTO"),
    "MAXIMIZE": ("CONSTRAINT", "WITH", "USING", "INTO"),
    "MINIMIZE": ("CONSTRAINT", "WITH", "USING", "INTO"),
}
"""The verbs behind TO, with the clauses that each can have."""
OPENING, CLOSING = frozenset("([{"), frozenset(")]}")
REPEATED = frozenset({"COLUMN"})


class Refused(InvalidInput):
    """A statement that is not understood.

    Attributes:
        column: where, from 1, in the line of the error.
    """

    column: int = 0


class Clause(NamedTuple):
    """A word that begins a clause, and the tokens behind it."""

    word: Token
    tokens: list[Token]


class Clauses:
    """Reads clauses of one text.

    Args:
        text: the whole program.
        file: the name of the file, for errors.
    """

    def __init__(self, text: str, file: str | None) -> None:
        self._text, self._file = text, file

    def outside(self, tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
        """The tokens outside of all brackets."""
        depth = 0
        for number, token in enumerate(tokens):
            depth -= token.text in CLOSING
            if depth == 0:
                yield number, token
            depth += token.text in OPENING

    def names(self, clause: Clause) -> tuple[str, ...]:
        return tuple(self.name(Clause(clause.word, part)) for part in self.split(clause.tokens))

    def name(self, clause: Clause) -> str:
        """A name: words, dots, slashes and colons without blanks between them; or a text in quotes."""
        tokens = clause.tokens
        for before, token in pairwise(tokens):
            if token.start != before.end + 1:
                near = closest(token.text.upper(), {word for words in VERBS.values() for word in words})
                raise self.refusal(token, f"{token.text!r} is not expected here", near or "write one name")
        for token in tokens:
            if token.text in OPENING or token.text in CLOSING or token.text == "|":
                raise self.refusal(token, f"{token.text!r} is part of no name", "write a name")
        return self.source(tokens).strip("'\"`")

    def texts(self, clause: Clause) -> tuple[str, ...]:
        return tuple(self.source(part).strip("'\"") for part in self.split(clause.tokens))

    def columns(self, clause: Clause) -> Iterator[Column]:
        """The items of COLUMN, without the FOR behind them."""
        tokens = clause.tokens
        for number, token in self.outside(tokens):
            if token.text.upper() == "FOR":
                tokens = tokens[:number]
                break
        first: Token | None = None
        for part in self.split(tokens):
            for number in range(_number(first) + 1, _number(part[0])) if first is not None else ():  # v2..., v28
                name = f"{_prefix(part[0])}{number}"
                yield Column(name, name, self.place(part[0]))
            first = part[0] if len(part) == RANGE and part[1].text == "." else None
            own = part[:1] if first is not None else part
            text = self.source(own)
            plain = len(own) == 1 and text != "*"
            yield Column(text, text.strip("'\"`") if plain else "", self.place(own[0]))

    def attributes(self, clause: Clause) -> tuple[Attribute, ...]:
        """The settings behind WITH: `name = value`, with or without commas between them."""
        tokens, attributes = clause.tokens, []
        signs = [number for number, token in self.outside(tokens) if token.text == "="]
        if not signs:
            raise self.refusal(tokens[0], f"{tokens[0].text!r} has no value", "write name = value")
        starts = [self._name_start(tokens, sign) for sign in signs]
        if starts[0] != 0:
            raise self.refusal(tokens[0], f"{tokens[0].text!r} is not expected here", "write name = value")
        for start, sign, end in zip(starts, signs, [*starts[1:], len(tokens)], strict=True):
            own = tokens[sign + 1 : end]
            if own and own[-1].text == ",":
                own = own[:-1]
            if not own:
                raise self.refusal(tokens[sign], "there is no value", "write name = value")
            name = self.source(tokens[start:sign])
            attributes.append(Attribute(name, self._value(own), self.place(tokens[start])))
        return tuple(attributes)

    def _name_start(self, tokens: Sequence[Token], sign: int) -> int:
        """The number of the first token of the dotted name before a sign."""
        start = sign - 1
        while start >= 2 and tokens[start - 1].text == "." and tokens[start - 2].end + 1 == tokens[start - 1].start:
            start -= 2
        if start < 0 or not is_word(tokens[start]):
            raise self.refusal(tokens[sign], "there is no name before '='", "write name = value")
        return start

    def _value(self, tokens: list[Token]) -> Content:
        if tokens[0].text == "[" and tokens[-1].text == "]":
            return tuple(self._scalar(part) for part in self.split(tokens[1:-1]))
        return self._scalar(tokens)

    def _scalar(self, tokens: list[Token]) -> Scalar:
        for before, token in pairwise(tokens):
            if token.start != before.end + 1:
                raise self.refusal(token, f"{token.text!r} is not expected here", "put a comma between settings")
        text = self.source(tokens)
        if text[:1] in "'\"":
            return text[1:-1]
        if text.upper() in ("TRUE", "FALSE"):
            return text.upper() == "TRUE"
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
        return text

    def split(self, tokens: Sequence[Token]) -> list[list[Token]]:
        """The tokens between the commas that are outside of brackets."""
        parts: list[list[Token]] = [[]]
        commas = {number for number, token in self.outside(tokens) if token.text == ","}
        for number, token in enumerate(tokens):
            if number in commas:
                parts.append([])
            else:
                parts[-1].append(token)
        for number, part in enumerate(parts):
            if not part:
                raise self.refusal(tokens[min(number, len(tokens) - 1)], "there is a comma too much", "take it out")
        return parts

    def source(self, tokens: Sequence[Token]) -> str:
        return self._text[tokens[0].start : tokens[-1].end + 1]

    def place(self, token: Token) -> Place:
        """Where a token begins."""
        before = self._text[: token.start]
        return Place(before.count("\n") + 1, token.start - before.rfind("\n"))

    def refusal(self, token: Token, message: str, hint: str) -> Refused:
        """Why the statement is refused, at a token."""
        return self.refused(self.place(token), message, hint)

    def refused(self, place: Place, message: str, hint: str) -> Refused:
        error = Refused(f"column {place.column}: {message}", file=self._file, line=place.line, hint=hint)
        error.column = place.column
        return error


RANGE = 4
"""The tokens of the start of a range of columns: `v2...`."""


def in_range(tokens: Sequence[Token], number: int) -> bool:
    """Whether two dots are part of `v2..., v28`: all columns between the two."""
    start = number - 1 if tokens[number - 1].text != "." else number - 2
    own = tokens[start : start + RANGE + 2]
    if start < 0 or len(own) < RANGE + 2 or [token.text for token in own[1:5]] != [".", ".", ".", ","]:
        return False
    return own[0].text != _prefix(own[0]) and _prefix(own[0]) == _prefix(own[5]) and own[5].text != _prefix(own[5])


def _prefix(token: Token) -> str:
    return token.text.rstrip("0123456789")


def _number(token: Token) -> int:
    return int(token.text.removeprefix(_prefix(token)))


def without_brackets(tokens: list[Token], words: Collection[str]) -> list[Token]:
    """The tokens without brackets around a whole clause, as manuals write what may be left out: `[USING glpk]`."""
    kept: list[Token] = []
    is_open = False
    for number, token in enumerate(tokens):
        after = tokens[number + 1].text.upper() if number + 1 < len(tokens) else ""
        if token.text == "[" and after in words and not is_open:
            is_open = True
        elif token.text == "]" and is_open:
            is_open = False
        else:
            kept.append(token)
    return kept


def is_word(token: Token) -> bool:
    return token.text[:1].isalpha() or token.text[:1] == "_"
