"""Reads programs of SQLFlow's statements: sqlglot reads the standard part, and its tokens are cut into clauses here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import sqlglot
from sqlglot import Token, exp
from sqlglot.errors import SqlglotError

from couler_plugins.errors import InvalidInput, closest
from couler_plugins.sql.clauses import REPEATED, VERBS, Clause, Clauses, Refused, in_range, is_word, without_brackets
from couler_plugins.sql.statements import Evaluate, Explain, Place, Plain, Predict, Run, Solve, Statement, Train


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


class _Program(Clauses):
    def __init__(self, text: str, dialect: str, file: str | None) -> None:
        super().__init__(text, file)
        self._dialect = dialect

    def read(self, tokens: list[Token]) -> Statement | Refused:
        """Read one statement."""
        try:
            for number, (before, token) in enumerate(pairwise(tokens)):
                if token.text == before.text == "." and not in_range(tokens, number):
                    raise self.refusal(before, "'...' stands for what was left out", "write the whole statement")
            verb = self._verb(tokens)
            return self._plain(tokens) if verb is None else self._extended(tokens, verb)
        except Refused as error:
            return error

    def _verb(self, tokens: Sequence[Token]) -> int | None:
        """The number of the word TO of an extended statement; None for a plain one."""
        if tokens[0].text.upper() not in ("SELECT", "WITH"):
            return None
        for number, token in self.outside(tokens):
            if token.text.upper() == "TO" and number + 1 < len(tokens):
                verb = tokens[number + 1]
                if verb.text.upper() not in VERBS:
                    hint = closest(verb.text.upper(), VERBS) or f"there is TO {', '.join(VERBS)}"
                    raise self.refusal(verb, f"TO {verb.text} is not known", hint)
                return number
        return None

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

    def _standard(self, tokens: Sequence[Token]) -> tuple[exp.Expr, str]:
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
            raise self.refused(place, f"this is no SQL: {said}", "correct it, or name its --dialect") from error
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
        common: dict[str, Any] = {
            "query": query,
            "reads": tuple(_tables(tree)),
            "place": self.place(tokens[0]),
            "verb_place": self.place(verb),
        }
        one = {word: self.name(parts[0]) for word, parts in clauses.items() if word in ("USING", "LABEL")}
        into = self.names(clauses["INTO"][0]) if "INTO" in clauses else ()
        attributes = self.attributes(clauses["WITH"][0]) if "WITH" in clauses else ()
        if name != "RUN" and len(into) > 1:
            raise self.refusal(clauses["INTO"][0].word, "INTO takes one name here", "write one")
        last = into[0] if into else ""
        if name == "RUN":
            command = self.texts(clauses["CMD"][0]) if "CMD" in clauses else ()
            return Run(**common, image=self.source(head), command=command, into=into)
        if name in ("MAXIMIZE", "MINIMIZE"):
            parts = clauses.get("CONSTRAINT")
            constraints = tuple(self.source(part) for part in self.split(parts[0].tokens)) if parts else ()
            objective = self.source(head)
            return Solve(
                **common,
                verb=name,
                objective=objective,
                constraints=constraints,
                attributes=attributes,
                using=one.get("USING", ""),
                into=last,
            )
        target = self.name(Clause(verb, head))
        label, using = one.get("LABEL", ""), one.get("USING", "")
        if name == "TRAIN":
            columns = tuple(column for clause in clauses.get("COLUMN", ()) for column in self.columns(clause))
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
        tokens = without_brackets(tokens, words)
        starts: list[int] = []
        for number, token in self.outside(tokens):
            if token.text.upper() in words and is_word(token) and not (starts and starts[-1] == number - 1):
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


def _tables(tree: exp.Expr) -> list[str]:
    """The tables that a statement reads, each once; those that it defines itself are left out."""
    own = {cte.alias for cte in tree.find_all(exp.CTE)}
    names = (_table(table) for table in tree.find_all(exp.Table))
    return [name for name in dict.fromkeys(names) if name and name not in own]


def _table(node: exp.Expr) -> str:
    table = node.find(exp.Table)
    return ".".join(part.name for part in table.parts) if table is not None else ""


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")
