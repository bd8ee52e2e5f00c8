"""Statements of SQLFlow: what `parse_program` reads, and what becomes steps."""

from __future__ import annotations

from typing import Any

import msgspec

from couler_plugins.errors import InvalidInput

__all__ = [
    "Attribute",
    "Column",
    "Evaluate",
    "Explain",
    "Place",
    "Plain",
    "Predict",
    "Query",
    "Refused",
    "Run",
    "Solve",
    "Statement",
    "Train",
]

Scalar = str | int | float | bool
Content = Scalar | tuple[Scalar, ...]


class Place(msgspec.Struct, frozen=True, order=True):
    """Where something stands in the text: line and column, both from 1."""

    line: int
    column: int


class Refused(InvalidInput):
    """A statement that is not understood, or that no steps can be made of.

    Args:
        message: what is wrong, in one sentence.
        place: where it stands.
        **details: what else is said of it, as `CoulerError` has it.

    Attributes:
        place: where it stands.
    """

    def __init__(self, message: str, place: Place, **details: Any) -> None:
        super().__init__(message, line=place.line, **details)
        self.place = place

    def __str__(self) -> str:
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{self.file or '<text>'}:{self.place.line}:{self.place.column}: {self.message}{hint}"


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
        kind: what it is, such as `SELECT` or `CREATE`.
        writes: the tables that it makes or changes.
        view: whether it makes a view.
    """

    kind: str
    writes: tuple[str, ...] = ()
    view: bool = False


class Query(msgspec.Struct, frozen=True):
    """A query, and the tables that it reads."""

    text: str
    reads: tuple[str, ...]


class Train(_Statement, frozen=True, kw_only=True):
    """`SELECT … TO TRAIN estimator WITH … COLUMN … LABEL … INTO model`.

    Attributes:
        estimator: what is trained.
        attributes: its settings.
        columns: what it learns from; nothing for all columns of numbers.
        label: the column that it predicts.
        validation: the query of `validation.select`, and the tables that it reads.
        using: a model to start from.
        into: the name of the model.
    """

    estimator: str
    validation: Query | None = None
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
