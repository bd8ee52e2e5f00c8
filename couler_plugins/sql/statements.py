"""Statements of SQLFlow: what `parse_program` reads, and what becomes steps."""

from __future__ import annotations

import msgspec

__all__ = [
    "Attribute",
    "Column",
    "Evaluate",
    "Explain",
    "Place",
    "Plain",
    "Predict",
    "Run",
    "Solve",
    "Statement",
    "Train",
]

Scalar = str | int | float | bool
Content = Scalar | tuple[Scalar, ...]


class Place(msgspec.Struct, frozen=True):
    """Where something stands in the text: line and column, both from 1."""

    line: int
    column: int


class Attribute(msgspec.Struct, frozen=True):
    """One setting after WITH: its name, its value, and where it stands."""

    name: str
    value: Content
    place: Place


class Column(msgspec.Struct, frozen=True):
    """One item after COLUMN.

    Attributes:
        text: as it is written.
        name: the column; empty for what is computed of columns, as by `DENSE(c1)`.
        place: where it stands.
    """

    text: str
    name: str
    place: Place


class _Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What all statements have.

    Attributes:
        query: the standard part, as SQL.
        reads: the tables that it reads.
        place: where the statement begins.
        verb_place: where the word behind TO stands; where the statement begins, for a plain one.
    """

    query: str
    reads: tuple[str, ...]
    place: Place
    verb_place: Place


class Plain(_Statement, frozen=True, kw_only=True):
    """A statement of standard SQL.

    Attributes:
        kind: what it is, such as `Select` or `Create`.
        writes: the table that it makes; empty for none.
    """

    kind: str
    writes: str = ""


class Train(_Statement, frozen=True, kw_only=True):
    """`SELECT … TO TRAIN estimator WITH … COLUMN … LABEL … INTO model`; `using` is a model to start from."""

    estimator: str
    attributes: tuple[Attribute, ...] = ()
    columns: tuple[Column, ...] = ()
    label: str = ""
    using: str = ""
    into: str = ""


class Predict(_Statement, frozen=True, kw_only=True):
    """`SELECT … TO PREDICT table.column WITH … USING model`."""

    target: str
    attributes: tuple[Attribute, ...] = ()
    using: str = ""


class Evaluate(_Statement, frozen=True, kw_only=True):
    """`SELECT … TO EVALUATE model WITH … LABEL … INTO table`."""

    model: str
    attributes: tuple[Attribute, ...] = ()
    label: str = ""
    into: str = ""


class Explain(_Statement, frozen=True, kw_only=True):
    """`SELECT … TO EXPLAIN model WITH … USING explainer INTO table`."""

    model: str
    attributes: tuple[Attribute, ...] = ()
    using: str = ""
    into: str = ""


class Run(_Statement, frozen=True, kw_only=True):
    """`SELECT … TO RUN image CMD … INTO tables`."""

    image: str
    command: tuple[str, ...] = ()
    into: tuple[str, ...] = ()


class Solve(_Statement, frozen=True, kw_only=True):
    """`SELECT … TO MAXIMIZE objective CONSTRAINT … WITH … USING solver INTO table`."""

    verb: str
    objective: str
    constraints: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    using: str = ""
    into: str = ""


Statement = Plain | Train | Predict | Evaluate | Explain | Run | Solve
