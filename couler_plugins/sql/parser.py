"""Reads programs of SQLFlow's statements: sqlglot reads the standard part, and its tokens are cut into clauses here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token

from couler_plugins.errors import InvalidInput, closest
from couler_plugins.sql.statements import (
    Attribute,
    Column,
    Content,
    Evaluate,
    Explain,
    Place,
    Plain,
    Predict,
    Run,
    Scalar,
    Solve,
    Statement,
    Train,
)

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


def parse_program(text: str, dialect: str = "", file: str | None = None) -> list[Statement | Refused]:
    """Read a program; a statement that is not understood stops no other.

    Args:
        text: the statements, with semicolons between them.
        dialect: of the standard part, as sqlglot calls it; empty for what most dialects share.
        file: the name of the file, for errors.

    Returns:
        A statement each, or why it is refused, with line and column.

    Raises:
        InvalidInput: there is no such dialect, or the text cannot be cut into words.
    """
    try:
        tokens = sqlglot.Dialect.get_or_raise(dialect or None).tokenize(text)
    except (SqlglotError, ValueError) as error:
        raise InvalidInput(f"this is no SQL: {_first_line(error)}", file=file, hint="see docs/sql.md") from error
    program = _Program(text, dialect, file)
    return [program.read(part) for part in _parts(tokens)]


def _parts(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    part: list[Token] = []
    for token in tokens:
        if token.text == ";" and part:
            yield part
            part = []
        elif token.text != ";":
            part.append(token)
    if part:
        yield part


class _Program:
    def __init__(self, text: str, dialect: str, file: str | None) -> None:
        self._text, self._dialect, self._file = text, dialect, file

    def read(self, tokens: list[Token]) -> Statement | Refused:
        """Read one statement."""
        try:
            for number, (before, token) in enumerate(pairwise(tokens)):
                if token.text == before.text == "." and not _in_range(tokens, number):
                    raise self.refusal(before, "'...' stands for what was left out", "write the whole statement")
            verb = self._verb(tokens)
            return self._plain(tokens) if verb is None else self._extended(tokens, verb)
        except Refused as error:
            return error

    def _verb(self, tokens: Sequence[Token]) -> int | None:
        """The number of the word TO of an extended statement; None for a plain one."""
        if tokens[0].text.upper() not in ("SELECT", "WITH"):
            return None
        for number, token in self._outside(tokens):
            if token.text.upper() == "TO" and number + 1 < len(tokens):
                verb = tokens[number + 1]
                if verb.text.upper() not in VERBS:
                    hint = closest(verb.text.upper(), VERBS) or f"there is TO {', '.join(VERBS)}"
                    raise self.refusal(verb, f"TO {verb.text} is not known", hint)
                return number
        return None

    def _outside(self, tokens: Sequence[Token]) -> Iterator[tuple[int, Token]]:
        """The tokens outside of all brackets."""
        depth = 0
        for number, token in enumerate(tokens):
            depth -= token.text in CLOSING
            if depth == 0:
                yield number, token
            depth += token.text in OPENING

    def _plain(self, tokens: Sequence[Token]) -> Plain:
        tree, query = self._standard(tokens)
        into = tree.args.get("into")
        target = tree.this if isinstance(tree, exp.Create) else into.this if into is not None else None
        writes = _table(target) if target is not None else ""
        if isinstance(tree, exp.Insert):
            writes = _table(tree.this)
        reads = tuple(name for name in _tables(tree) if name != writes)
        place = self.place(tokens[0])
        kind = type(tree).__name__
        return Plain(query=query, reads=reads, place=place, verb_place=place, kind=kind, writes=writes)

    def _standard(self, tokens: Sequence[Token]) -> tuple[exp.Expression, str]:
        """The standard part as sqlglot reads it, and its text."""
        text = self._text[tokens[0].start : tokens[-1].end + 1]
        try:
            tree = sqlglot.parse_one(text, dialect=self._dialect or None)
        except SqlglotError as error:
            details = getattr(error, "errors", None) or [{}]
            line, column = details[0].get("line") or 1, details[0].get("col") or 1
            first = self.place(tokens[0])
            place = Place(first.line + line - 1, column if line > 1 else first.column + column - 1)
            said = details[0].get("description") or _first_line(error)
            raise self._refused(place, f"this is no SQL: {said}", "correct it, or name its --dialect") from error
        if isinstance(tree, exp.Command):
            name = tokens[0].text.upper()
            raise self.refusal(tokens[0], f"the statement {name} is not known", "see docs/sql.md")
        return tree, text

    def _extended(self, tokens: list[Token], number: int) -> Statement:
        verb = tokens[number + 1]
        name = verb.text.upper()
        tree, query = self._standard(tokens[:number])
        head, clauses = self._clauses(tokens[number + 2 :], verb)
        if not head:
            raise self.refusal(verb, f"TO {name} names nothing", f"write what is behind TO {name}")
        common = {
            "query": query,
            "reads": tuple(_tables(tree)),
            "place": self.place(tokens[0]),
            "verb_place": self.place(verb),
        }
        one = {word: self._name(found[0]) for word, found in clauses.items() if word in ("USING", "LABEL")}
        into = self._names(clauses["INTO"][0]) if "INTO" in clauses else ()
        attributes = self._attributes(clauses["WITH"][0]) if "WITH" in clauses else ()
        if name != "RUN" and len(into) > 1:
            raise self.refusal(clauses["INTO"][0].word, "INTO takes one name here", "write one")
        last = into[0] if into else ""
        if name == "RUN":
            command = self._texts(clauses["CMD"][0]) if "CMD" in clauses else ()
            return Run(**common, image=self._source(head), command=command, into=into)
        if name in ("MAXIMIZE", "MINIMIZE"):
            found = clauses.get("CONSTRAINT")
            constraints = tuple(self._source(part) for part in self._split(found[0].tokens)) if found else ()
            objective = self._source(head)
            return Solve(
                **common,
                verb=name,
                objective=objective,
                constraints=constraints,
                attributes=attributes,
                using=one.get("USING", ""),
                into=last,
            )
        target = self._name(Clause(verb, head))
        label, using = one.get("LABEL", ""), one.get("USING", "")
        if name == "TRAIN":
            columns = tuple(column for clause in clauses.get("COLUMN", ()) for column in self._columns(clause))
            return Train(
                **common, estimator=target, attributes=attributes, columns=columns, label=label, using=using, into=last
            )
        if name == "PREDICT":
            if not using:
                raise self.refusal(verb, "TO PREDICT names no model", "add USING with the model's name")
            return Predict(**common, target=target, attributes=attributes, using=using)
        if name == "EVALUATE":
            return Evaluate(**common, model=target, attributes=attributes, label=label, into=last)
        return Explain(**common, model=target, attributes=attributes, using=using, into=last)

    def _clauses(self, tokens: list[Token], verb: Token) -> tuple[list[Token], dict[str, list[Clause]]]:
        """What stands directly behind the verb, and the clauses by their first words."""
        allowed = VERBS[verb.text.upper()]
        words = {word for all_words in VERBS.values() for word in all_words}
        tokens = _without_brackets(tokens, words)
        starts: list[int] = []
        for number, token in self._outside(tokens):
            if token.text.upper() in words and _is_word(token) and not (starts and starts[-1] == number - 1):
                starts.append(number)
        clauses: dict[str, list[Clause]] = {}
        for start, end in zip(starts, [*starts[1:], len(tokens)], strict=bool(starts)):
            word = tokens[start].text.upper()
            if word not in allowed:
                what = f"TO {verb.text.upper()} has no clause {word}"
                raise self.refusal(tokens[start], what, f"it has {', '.join(allowed)}")
            if word in clauses and word not in REPEATED:
                raise self.refusal(tokens[start], f"the clause {word} is there twice", "write it once")
            if end == start + 1:
                raise self.refusal(tokens[start], f"nothing is behind {word}", "write it, or leave the word out")
            clauses.setdefault(word, []).append(Clause(tokens[start], tokens[start + 1 : end]))
        return tokens[: starts[0]] if starts else tokens, clauses

    def _names(self, clause: Clause) -> tuple[str, ...]:
        return tuple(self._name(Clause(clause.word, part)) for part in self._split(clause.tokens))

    def _name(self, clause: Clause) -> str:
        """A name: words, dots, slashes and colons without blanks between them; or a text in quotes."""
        tokens = clause.tokens
        for before, token in pairwise(tokens):
            if token.start != before.end + 1:
                near = closest(token.text.upper(), {word for words in VERBS.values() for word in words})
                raise self.refusal(token, f"{token.text!r} is not expected here", near or "write one name")
        for token in tokens:
            if token.text in OPENING or token.text in CLOSING or token.text == "|":
                raise self.refusal(token, f"{token.text!r} is part of no name", "write a name")
        return self._source(tokens).strip("'\"`")

    def _texts(self, clause: Clause) -> tuple[str, ...]:
        return tuple(self._source(part).strip("'\"") for part in self._split(clause.tokens))

    def _columns(self, clause: Clause) -> Iterator[Column]:
        """The items of COLUMN, without the FOR behind them."""
        tokens = clause.tokens
        for number, token in self._outside(tokens):
            if token.text.upper() == "FOR":
                tokens = tokens[:number]
                break
        for part in self._split(tokens):
            text = self._source(part)
            plain = len(part) == 1 and text != "*"
            yield Column(text, text.strip("'\"`") if plain else "", self.place(part[0]))

    def _attributes(self, clause: Clause) -> tuple[Attribute, ...]:
        """The settings behind WITH: `name = value`, with or without commas between them."""
        tokens, attributes = clause.tokens, []
        signs = [number for number, token in self._outside(tokens) if token.text == "="]
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
            name = self._source(tokens[start:sign])
            attributes.append(Attribute(name, self._value(own), self.place(tokens[start])))
        return tuple(attributes)

    def _name_start(self, tokens: Sequence[Token], sign: int) -> int:
        """The number of the first token of the dotted name before a sign."""
        start = sign - 1
        while start >= 2 and tokens[start - 1].text == "." and tokens[start - 2].end + 1 == tokens[start - 1].start:
            start -= 2
        if start < 0 or not _is_word(tokens[start]):
            raise self.refusal(tokens[sign], "there is no name before '='", "write name = value")
        return start

    def _value(self, tokens: list[Token]) -> Content:
        if tokens[0].text == "[" and tokens[-1].text == "]":
            return tuple(self._scalar(part) for part in self._split(tokens[1:-1]))
        return self._scalar(tokens)

    def _scalar(self, tokens: list[Token]) -> Scalar:
        for before, token in pairwise(tokens):
            if token.start != before.end + 1:
                raise self.refusal(token, f"{token.text!r} is not expected here", "put a comma between settings")
        text = self._source(tokens)
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

    def _split(self, tokens: Sequence[Token]) -> list[list[Token]]:
        """The tokens between the commas that are outside of brackets."""
        parts: list[list[Token]] = [[]]
        commas = {number for number, token in self._outside(tokens) if token.text == ","}
        for number, token in enumerate(tokens):
            if number in commas:
                parts.append([])
            else:
                parts[-1].append(token)
        for number, part in enumerate(parts):
            if not part:
                raise self.refusal(tokens[min(number, len(tokens) - 1)], "there is a comma too much", "take it out")
        return parts

    def _source(self, tokens: Sequence[Token]) -> str:
        return self._text[tokens[0].start : tokens[-1].end + 1]

    def place(self, token: Token) -> Place:
        """Where a token begins."""
        before = self._text[: token.start]
        return Place(before.count("\n") + 1, token.start - before.rfind("\n"))

    def refusal(self, token: Token, message: str, hint: str) -> Refused:
        """Why the statement is refused, at a token."""
        return self._refused(self.place(token), message, hint)

    def _refused(self, place: Place, message: str, hint: str) -> Refused:
        error = Refused(f"column {place.column}: {message}", file=self._file, line=place.line, hint=hint)
        error.column = place.column
        return error


RANGE = 4
"""The tokens of the start of a range of columns: `v2...`."""


def _in_range(tokens: Sequence[Token], number: int) -> bool:
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


def _without_brackets(tokens: list[Token], words: Collection[str]) -> list[Token]:
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


def _is_word(token: Token) -> bool:
    return token.text[:1].isalpha() or token.text[:1] == "_"


def _tables(tree: exp.Expression) -> list[str]:
    """The tables that a statement reads, each once; those that it defines itself are left out."""
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    names = (_table(table) for table in tree.find_all(exp.Table))
    return [name for name in dict.fromkeys(names) if name and name not in own]


def _table(node: exp.Expression) -> str:
    table = node.find(exp.Table)
    return ".".join(part.name for part in table.parts) if table is not None else ""


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")
