"""Reads programs of SQLFlow's statements: the clauses behind TO are cut out of sqlglot's tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from sqlglot import Token

from couler_plugins.errors import closest
from couler_plugins.sql.attributes import VALIDATION_QUERY, read_attributes, read_text
from couler_plugins.sql.source import Source
from couler_plugins.sql.standard import read_query, read_statement
from couler_plugins.sql.statements import (
    Attribute,
    Column,
    Evaluate,
    Explain,
    Place,
    Plain,
    Predict,
    Query,
    Refused,
    Run,
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
WORDS = frozenset(word for clauses in VERBS.values() for word in clauses)
UNITS = frozenset({"MONTH", "DAY", "HOUR", "MINUTE", "SECOND"})
"""Words behind TO in intervals of standard SQL: `YEAR TO MONTH`."""
REPEATED = frozenset({"COLUMN"})
STARTS = frozenset({"SELECT", "WITH", "(", "FROM", "VALUES", "TABLE"})
"""First words of queries."""


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
        Refused: a quote or a comment is not closed.
        InvalidInput: there is no such dialect.
    """
    source = Source(text, dialect, file)
    return [_read(source, tokens) for tokens in source.statements()]


def _read(source: Source, tokens: list[Token]) -> Statement | Refused:
    """Read one statement."""
    try:
        for number, (before, token) in enumerate(pairwise(tokens)):
            if source.word(token) == source.word(before) == "." and not _is_range(source, tokens, number):
                raise source.refusal(before, "'...' stands for what was left out", "write the whole statement")
        verb = _verb(source, tokens)
        if verb is not None:
            return _extended(source, tokens, verb)
        standard = read_statement(source, tokens)
        place = source.place(tokens[0])
        return Plain(
            query=standard.text,
            reads=standard.reads,
            place=place,
            verb_place=place,
            kind=standard.kind,
            writes=standard.writes,
            view=standard.view,
        )
    except Refused as error:
        return error


def _verb(source: Source, tokens: Sequence[Token]) -> int | None:
    """The number of the word TO of an extended statement; None for a plain one."""
    if source.word(tokens[0]) not in STARTS:
        return None
    for number, token in source.outside(tokens[:-1]):
        if source.word(token) == "TO" and (word := source.word(tokens[number + 1])) not in UNITS:
            if word not in VERBS:
                hint = closest(word, VERBS) or f"there is TO {', '.join(VERBS)}"
                raise source.refusal(tokens[number + 1], f"TO {word} is not known", hint)
            return number
    return None


def _extended(source: Source, tokens: list[Token], number: int) -> Statement:
    """Read a statement with a verb behind TO."""
    verb = tokens[number + 1]
    if number == 0:
        raise source.refusal(verb, "nothing is before TO", "write SELECT … before TO")
    name = source.word(verb)
    query = read_query(source, tokens[:number])
    head, clauses = _clauses(source, tokens[number + 2 :], verb)
    if not head:
        raise source.refusal(verb, f"TO {name} names nothing", f"write what is behind TO {name}")
    first = {word: found[0] for word, found in clauses.items()}
    common: dict[str, Any] = {
        "query": query.text,
        "reads": query.reads,
        "place": source.place(tokens[0]),
        "verb_place": source.place(verb),
    }
    one = {word.lower(): _name(source, first[word].tokens) for word in ("USING", "LABEL") if word in first}
    into = tuple(_name(source, part) for part in source.split(first["INTO"].tokens)) if "INTO" in first else ()
    if name == "RUN":
        parts = source.split(first["CMD"].tokens) if "CMD" in first else []
        command = tuple(read_text(source, part) for part in parts)
        return Run(**common, image=_name(source, head), command=command, into=into)
    if len(into) > 1:
        raise source.refusal(first["INTO"].word, "INTO takes one name here", "write one")
    common |= {"attributes": read_attributes(source, first["WITH"].tokens) if "WITH" in first else ()}
    common |= one | ({"into": into[0]} if into else {})
    if name in ("MAXIMIZE", "MINIMIZE"):
        parts = source.split(first["CONSTRAINT"].tokens) if "CONSTRAINT" in first else []
        constraints = tuple(source.slice(part) for part in parts)
        return Solve(**common, verb=name, objective=source.slice(head), constraints=constraints)
    target = _name(source, head)
    if "LABEL" in first:
        _check_column(source, source.place(first["LABEL"].word), f"LABEL {one['label']}", one["label"], query.columns)
    if name == "TRAIN":
        columns = tuple(column for clause in clauses.get("COLUMN", ()) for column in _columns(source, clause))
        for column in columns:
            if column.name:
                _check_column(source, column.place, f"COLUMN {column.name}", column.name, query.columns)
        validation = _validation(source, common["attributes"])
        return Train(**common, estimator=target, columns=columns, validation=validation)
    if name == "PREDICT":
        if "using" not in common:
            raise source.refusal(verb, "TO PREDICT names no model", "add USING with the model's name")
        return Predict(**common, target=target)
    return Evaluate(**common, model=target) if name == "EVALUATE" else Explain(**common, model=target)


def _clauses(source: Source, tokens: list[Token], verb: Token) -> tuple[list[Token], dict[str, list[Clause]]]:
    """What stands directly behind the verb, and the clauses by their first words."""
    allowed = VERBS[source.word(verb)]
    tokens = _without_brackets(source, tokens)
    starts: list[int] = []
    for number, token in source.outside(tokens):
        behind_word = bool(starts) and starts[-1] == number - 1  # a column or a model may have the name of a clause
        behind_comma = number > 0 and source.word(tokens[number - 1]) in (",", ".")
        if source.word(token) in WORDS and not behind_word and not behind_comma:
            starts.append(number)
    clauses: dict[str, list[Clause]] = {}
    for start, end in pairwise([*starts, len(tokens)]):
        word = source.word(tokens[start])
        if word not in allowed:
            what = f"TO {source.word(verb)} has no clause {word}"
            raise source.refusal(tokens[start], what, f"it has {', '.join(allowed)}")
        if word in clauses and word not in REPEATED:
            raise source.refusal(tokens[start], f"the clause {word} is there twice", "write it once")
        if end == start + 1:
            raise source.refusal(tokens[start], f"nothing is behind {word}", "write it, or leave the word out")
        clauses.setdefault(word, []).append(Clause(tokens[start], tokens[start + 1 : end]))
    return tokens[: starts[0]] if starts else tokens, clauses


def _without_brackets(source: Source, tokens: list[Token]) -> list[Token]:
    """The tokens without brackets around a whole clause, as manuals write what may be left out: `[USING glpk]`."""
    kept: list[Token] = []
    is_open = False
    for number, token in enumerate(tokens):
        after = source.word(tokens[number + 1]) if number + 1 < len(tokens) else ""
        if source.word(token) == "[" and after in WORDS and not is_open:
            is_open = True
        elif source.word(token) == "]" and is_open:
            is_open = False
        else:
            kept.append(token)
    return kept


def _name(source: Source, tokens: Sequence[Token]) -> str:
    """A name: words, dots, slashes and colons without blanks between them; or a text in quotes."""
    for before, token in pairwise(tokens):
        if token.start != before.end + 1:
            word = source.word(token)
            near = closest(word, WORDS) or "write one name, and then a clause"
            raise source.refusal(token, f"{source.slice([token])!r:.60} is not expected here", near)
    for token in tokens:
        if source.word(token) in ("(", ")", "[", "]", "{", "}", "|", "="):
            raise source.refusal(token, f"{source.slice([token])!r} is part of no name", "write a name")
    name = "".join(token.text for token in tokens)
    if "" in name.split("."):
        raise source.refusal(tokens[0], f"{name!r:.60} is no name: a part of it is empty", "write a name")
    return name


def _columns(source: Source, clause: Clause) -> Iterator[Column]:
    """The items of COLUMN, with `v2...,v28` as all columns between the two, and without FOR: it names no column."""
    tokens = clause.tokens
    number = next((number for number, token in source.outside(tokens) if source.word(token) == "FOR"), len(tokens))
    if number == 0:
        raise source.refusal(clause.word, "nothing is behind COLUMN", "write it, or leave the word out")
    previous: Token | None = None
    for part in source.split(tokens[:number]):
        text, place = source.slice(part), source.place(part[0])
        if previous is not None:
            is_short = max(len(previous.text), len(text)) <= LONGEST_NAME
            first, last = (_number(previous), _number(part[0])) if is_short else (0, -1)
            if not 0 <= last - first <= MOST_COLUMNS:
                message = f"from {previous.text:.60} to {text:.60} is no range"
                raise source.refusal(part[0], message, "name the columns")
            names = [f"{_prefix(previous)}{value}" for value in range(first + 1, last)]
            yield from (Column(name, name, source.place(previous)) for name in names)
        previous = part[0] if [source.word(token) for token in part[1:]] == [".", ".", "."] else None
        is_plain = len(part) == 1 and text != "*"
        name = part[0].text if is_plain or previous is not None else ""
        yield Column(name or text, name, place)


def _check_column(source: Source, place: Place, clause: str, name: str, columns: Sequence[str]) -> None:
    """Refuse a column that the query before TO does not give; databases differ in the case of names."""
    if columns and name.lower() not in {column.lower() for column in columns}:
        hint = closest(name, columns) or f"it gives {', '.join(columns)}"
        raise source.refused(place, f"{clause}: the query before TO gives no such column", hint)


MOST_COLUMNS, LONGEST_NAME = 10_000, 200
RANGE = 6
"""The tokens of a range of columns: `v2...,v28`."""


def _is_range(source: Source, tokens: Sequence[Token], number: int) -> bool:
    """Whether two dots are part of `v2...,v28`."""
    start = number - 1 if source.word(tokens[number - 1]) != "." else number - 2
    own = tokens[start : start + RANGE]
    if start < 0 or len(own) < RANGE or [source.word(token) for token in own[1:5]] != [".", ".", ".", ","]:
        return False
    return own[0].text != _prefix(own[0]) == _prefix(own[5]) != own[5].text


def _prefix(token: Token) -> str:
    return token.text.rstrip("0123456789")


def _number(token: Token) -> int:
    return int(token.text.removeprefix(_prefix(token)))


def _validation(source: Source, attributes: Sequence[Attribute]) -> Query | None:
    """The query that a setting holds, whose places are in a text of its own."""
    for attribute in attributes:
        if attribute.name == VALIDATION_QUERY:
            inner = Source(str(attribute.value), file=source.file)
            inner.dialect = source.dialect
            try:
                (tokens,) = inner.statements()
                query = read_query(inner, tokens)
                return Query(query.text, query.reads)
            except ValueError:
                raise source.refused(attribute.place, "it is not one query", "write SELECT …") from None
            except Refused as error:
                hint = error.hint or "correct it"
                raise source.refused(attribute.place, f"{VALIDATION_QUERY}: {error.message}", hint) from error
    return None
