"""Standard part of statements, as sqlglot reads it: the tables that it reads and writes."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlglot import Token, exp
from sqlglot.errors import SqlglotError

from couler_plugins.errors import closest
from couler_plugins.sql.source import Source
from couler_plugins.sql.statements import Refused

STEPS = (
    exp.Alter,
    exp.Create,
    exp.Delete,
    exp.Drop,
    exp.Insert,
    exp.Merge,
    exp.TruncateTable,
    exp.Update,
)
"""Statements that change a database, and are steps."""
WHOLE = (exp.Drop, exp.TruncateTable, exp.Alter)
"""Those that change all tables that they name."""
CONNECTION = {
    "BEGIN": "each step has a transaction of its own",
    "COMMIT": "each step has a transaction of its own",
    "ROLLBACK": "each step has a transaction of its own",
    "SET": "each step has a connection of its own",
    "START": "each step has a transaction of its own",
    "USE": "each step has a connection of its own",
}
REMEDY = {
    "USE": "name the database before each table, or in --database",
    "SHOW": "take it out: a workflow shows nothing",
    "DESCRIBE": "take it out: a workflow shows nothing",
    "EXPLAIN": "take it out: a workflow shows nothing",
}
KNOWN = ("SELECT", "WITH", "CREATE", "INSERT", "UPDATE", "DELETE", "MERGE", "ALTER", "DROP", "TRUNCATE")
CLAUSES = frozenset({"WITH", "COLUMN", "LABEL", "USING", "CMD", "CONSTRAINT"})
"""Words of clauses that stand behind TO."""
logging.getLogger("sqlglot").addHandler(logging.NullHandler())  # what it says of a statement, an error of ours does
PLAIN_NAME = re.compile(r"\w+")


class Standard(NamedTuple):
    """A statement, or a part of one, in standard SQL.

    Attributes:
        text: as it is written; `SELECT … INTO table` as `CREATE TABLE table AS SELECT …`.
        kind: what it is: `SELECT`, `CREATE`, `INSERT`, …
        reads, writes: the tables, as `table_name` writes them.
        view: whether what it writes is a view.
        columns: the columns that a query gives; nothing where only the database knows all of them.
    """

    text: str
    kind: str
    reads: tuple[str, ...]
    writes: tuple[str, ...] = ()
    view: bool = False
    columns: tuple[str, ...] = ()


def read_query(source: Source, tokens: Sequence[Token]) -> Standard:
    """Read a query, such as the one before `TO TRAIN`.

    Raises:
        Refused: it is none, or sqlglot does not understand it.
    """
    try:
        tree = _tree(source, tokens)
    except Refused as error:
        word = next(source.word(token) for token in tokens if source.place(token) >= error.place)
        if word in CLAUSES:
            message = f"{word} is before TO"
            raise source.refused(error.place, message, "write it behind TO and its verb") from error
        raise
    if not isinstance(tree, exp.Query):
        raise source.refusal(tokens[0], f"{source.word(tokens[0])} gives no table", "write SELECT … before TO")
    if tree.find(exp.Into, *STEPS):
        raise source.refusal(tokens[0], "the query writes a table of its own", "write that as a statement")
    names = tuple(tree.named_selects)
    columns = names if all(map(PLAIN_NAME.fullmatch, names)) else ()
    return Standard(source.slice(tokens), "SELECT", _reads(tree), columns=columns)


def read_statement(source: Source, tokens: list[Token]) -> Standard:
    """Read a statement that is standard SQL as a whole.

    Raises:
        Refused: it is none that can be a step, or sqlglot does not understand it.
    """
    word = source.word(tokens[0])
    if word in CONNECTION:
        hint = REMEDY.get(word, "take it out")
        raise source.refusal(tokens[0], f"{word} has no effect in a workflow: {CONNECTION[word]}", hint)
    tree = _tree(source, tokens)
    if isinstance(tree, exp.Query):
        return _into(source, tokens, tree)
    if not isinstance(tree, STEPS):
        raise _no_step(source, tokens[0])
    if tree.find(exp.TemporaryProperty):
        message = "a temporary table is lost: each step has a connection of its own"
        raise source.refusal(tokens[0], message, "leave TEMPORARY out, and drop the table at the end")
    tables = _reads(tree)
    writes = _writes(tree, tables)
    view = isinstance(tree, exp.Create) and tree.args.get("kind") == "VIEW"
    reads = tuple(name for name in tables if name not in writes)
    return Standard(source.slice(tokens), tree.key.upper(), reads, writes, view)


def _writes(tree: exp.Expr, tables: tuple[str, ...]) -> tuple[str, ...]:
    """The tables that a statement changes: all that it names, where a join or another name hides which of them."""
    own = (part.this.find(exp.Table) for part in tree.find_all(*STEPS) if isinstance(part.this, exp.Expr))
    targets = tuple(filter(None, dict.fromkeys(table_name(table) for table in own if table is not None)))
    others = {table.alias.lower() for table in tree.find_all(exp.Table)}
    is_unsure = isinstance(tree, exp.Update | exp.Delete) and (tree.find(exp.Join) or not others.isdisjoint(targets))
    return tables if isinstance(tree, WHOLE) or is_unsure or not targets else targets


def _into(source: Source, tokens: list[Token], tree: exp.Query) -> Standard:
    """A query; one with INTO as the statement that makes its table, as not every database has SELECT … INTO."""
    into = tree.args.get("into")
    if into is not tree.find(exp.Into):
        raise source.refusal(tokens[0], "INTO is in a part of the query", "write CREATE TABLE … AS and the query")
    if tree.find(*STEPS):
        raise source.refusal(tokens[0], "a part of the query changes a table", "write that as a statement")
    if into is None:
        return Standard(source.slice(tokens), "SELECT", _reads(tree))
    start = next(number for number, token in source.outside(tokens) if source.word(token) == "INTO")
    if into.args.get("temporary"):
        message = "a temporary table is lost: each step has a connection of its own"
        raise source.refusal(tokens[start], message, "write INTO with a plain name")
    end = start + 2
    while end < len(tokens) and tokens[end].start == tokens[end - 1].end + 1:
        end += 1
    name = source.slice(tokens[start + 1 : end])
    table = table_name(into.this) if isinstance(into.this, exp.Table) else ""
    if table != "".join(token.text for token in tokens[start + 1 : end]).lower() or not table:
        raise source.refusal(tokens[start], "INTO names no table", "write INTO with a plain name")
    text = f"CREATE TABLE {name} AS {source.slice(tokens[:start])} {source.slice(tokens[end:])}".rstrip()
    return Standard(text, "CREATE", tuple(other for other in _reads(tree) if other != table), (table,))


def _tree(source: Source, tokens: Sequence[Token]) -> exp.Expr:
    """What sqlglot makes of some tokens.

    Raises:
        Refused: it does not understand them.
    """
    try:
        (tree,) = source.dialect.parser().parse(list(tokens), source.text)
    except SqlglotError as error:
        details: dict[str, Any] = next(iter(getattr(error, "errors", None) or []), {})
        place = (details.get("line"), details.get("col"))  # of the end of a token
        token = next((token for token in tokens if (token.line, token.col) == place), tokens[-1])
        reason = (details.get("description") or str(error)).partition("\n")[0].rstrip(".")
        if source.word(tokens[0]) not in KNOWN and source.word(tokens[0]) != "(":
            raise _no_step(source, tokens[0]) from error
        message = f"this is no SQL: {reason[:1].lower()}{reason[1:]}"
        raise source.refusal(token, message, "correct it, or name its --dialect") from error
    except RecursionError:
        raise source.refusal(tokens[0], "the statement is nested too deep", "write it with fewer brackets") from None
    if tree is None or isinstance(tree, exp.Command):
        raise _no_step(source, tokens[0])
    return tree


def _no_step(source: Source, token: Token) -> Refused:
    """Why a statement is refused that begins with this word."""
    word = source.word(token)
    if word in KNOWN:
        return source.refusal(token, f"this kind of {word} is no step", "take it out, or name its --dialect")
    hint = REMEDY.get(word) or closest(word, KNOWN) or f"write {', '.join(KNOWN)}"
    return source.refusal(token, f"the statement {word:.40} is no step", hint)


def _reads(tree: exp.Expr) -> tuple[str, ...]:
    """The tables that a statement names, each once; those that it defines itself are left out."""
    own = {cte.alias.lower(): cte for cte in tree.find_all(exp.CTE)}
    tables = tuple((table_name(table), table) for table in tree.find_all(exp.Table))
    names = (name for name, table in tables if name not in own or _is_outer(table, own[name]))
    return tuple(filter(None, dict.fromkeys(names)))


def _is_outer(table: exp.Table, part: exp.CTE) -> bool:
    """Whether a table is another one than the part of its name: one inside of a part that does not read itself."""
    recursive = part.parent is not None and part.parent.args.get("recursive")
    return not recursive and any(item is table for item in part.find_all(exp.Table))


def table_name(table: exp.Table) -> str:
    """Return the name of a table in small letters, as databases compare names; empty for a function."""
    return ".".join(part.name for part in table.parts if isinstance(part, exp.Identifier)).lower()
