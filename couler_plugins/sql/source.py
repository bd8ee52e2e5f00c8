"""Text of a program: its words as sqlglot cuts them, and where they stand."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

import sqlglot
from sqlglot import Token
from sqlglot.errors import SqlglotError

from couler_plugins.errors import InvalidInput
from couler_plugins.sql.statements import Place, Refused

OPENING, CLOSING = frozenset("([{"), frozenset(")]}")
QUOTES = ("'", '"', "`", "/*", "$$")
TRIES = 200
"""Quotes that are tried for the one that is not closed."""


class Source:
    """A program.

    Args:
        text: the statements, with semicolons between them.
        dialect: of the standard part, as sqlglot calls it; empty for what most dialects share.
        file: the name of the file, for errors.

    Raises:
        InvalidInput: there is no such dialect.
    """

    def __init__(self, text: str, dialect: str = "", file: str | None = None) -> None:
        self.text, self.file = text, file
        self._lines = [0, *(number + 1 for number, char in enumerate(text) if char == "\n")]
        try:
            self.dialect = sqlglot.Dialect.get_or_raise(dialect.lower() or None)
        except ValueError as error:
            hint = "see sqlglot's dialects: mysql, postgres, sqlite, hive, tsql, …"
            raise InvalidInput(f"--dialect: {str(error).partition('.')[0]}", hint=hint) from error

    def statements(self) -> Iterator[list[Token]]:
        """Yield the words of each statement.

        Raises:
            Refused: a quote or a comment is not closed.
        """
        try:
            tokens = self.dialect.tokenize(self.text)
        except SqlglotError as error:
            message = "a text, a quoted name or a comment does not end"
            raise self.refused(self.place_at(self._open_quote()), message, "close it") from error
        statement: list[Token] = []
        for token in tokens:
            if self.word(token) != ";":
                statement.append(token)
            elif statement:
                yield statement
                statement = []
        if statement:
            yield statement

    def _open_quote(self) -> int:
        """The place of the quote that is not closed: the last one before which all is well."""
        starts = sorted({n for quote in QUOTES for n in range(len(self.text)) if self.text.startswith(quote, n)})
        for start in reversed(starts[-TRIES:]):
            try:
                self.dialect.tokenize(self.text[:start])
            except SqlglotError:
                continue
            return start
        return 0

    def word(self, token: Token) -> str:
        """Return a token as it is written, in capitals: what is in quotes begins with one, and is no word."""
        return self.text[token.start : token.end + 1].upper()

    def slice(self, tokens: Sequence[Token]) -> str:
        """Return the text from the first to the last of some tokens."""
        return self.text[tokens[0].start : tokens[-1].end + 1] if tokens else ""

    def outside(self, tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
        """Yield the tokens outside of all brackets, with their numbers; brackets themselves are outside as well."""
        depth = 0
        for number, token in enumerate(tokens):
            word = self.word(token)
            depth -= word in CLOSING
            if depth <= 0:
                yield number, token
            depth += word in OPENING

    def split(self, tokens: Sequence[Token]) -> list[list[Token]]:
        """Return the tokens between the commas that are outside of brackets.

        Raises:
            Refused: nothing is between two commas.
        """
        parts: list[list[Token]] = [[]]
        commas = {number for number, token in self.outside(tokens) if self.word(token) == ","}
        for number, token in enumerate(tokens):
            if number not in commas:
                parts[-1].append(token)
                continue
            if not parts[-1] or number == len(tokens) - 1:
                raise self.refusal(token, "there is a comma too much", "take it out")
            parts.append([])
        return parts

    def joined(self, tokens: Sequence[Token], hint: str) -> str:
        """Return the text of tokens that have no blanks between them.

        Raises:
            Refused: there is one.
        """
        for before, token in pairwise(tokens):
            if token.start != before.end + 1:
                raise self.refusal(token, f"{self.slice([token])!r:.60} is not expected here", hint)
        return self.slice(tokens)

    def place(self, token: Token) -> Place:
        """Return where a token begins."""
        return self.place_at(token.start)

    def place_at(self, start: int) -> Place:
        """Return the line and the column of a character."""
        line = bisect_right(self._lines, start)
        return Place(line, start - self._lines[line - 1] + 1)

    def refusal(self, token: Token, message: str, hint: str) -> Refused:
        """Return why a statement is refused, at a token."""
        return self.refused(self.place(token), message, hint)

    def refused(self, place: Place, message: str, hint: str) -> Refused:
        """Return why a statement is refused, at a place."""
        return Refused(message, place, file=self.file, hint=hint)
