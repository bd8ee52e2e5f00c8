"""Which conditions are read as comparisons with numbers, beside questions for texts."""

from __future__ import annotations

import pytest

from couler_plugins.engine_kit.legalize.conditions import Comparison, Membership, comparisons
from couler_plugins.ir import Expression, Literal, Reference, Template

X = Reference(to="input", kind="parameter", name="x")
Y = Reference(to="output", kind="parameter", step="a", name="y")


def plain(*parts: str | Reference) -> Template:
    return Template(parts=parts)


def cel(*parts: str | Reference | Template) -> Expression:
    return Expression(language="cel", parts=parts)


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        (None, ()),
        (plain(X, " < 0.5"), (Comparison(X, "<", "0.5"),)),
        (plain(X, ">=-3"), (Comparison(X, ">=", "-3"),)),
        (plain(X, " == 5 && ", Y, " == high"), (Comparison(X, "==", "5"), Membership(Y, ("high",)))),
        (cel("double(", X, ") > 1"), (Comparison(X, ">", "1"),)),
        (cel("int( ", X, " ) != 1 && ", Y, " == 'a'"), (Comparison(X, "!=", "1"), Membership(Y, ("a",)))),
    ],
)
def test_what_is_read(condition: Template | Expression | None, wanted: object) -> None:
    assert comparisons(condition) == wanted


@pytest.mark.parametrize(
    "condition",
    [
        plain(X, " < ", Y),
        plain(X, " < 0.5 || ", Y, " > 1"),
        plain(X, " < 1e3"),
        plain("1 < ", X),
        plain("'", X, " && ", Y, "' == 'a && b'"),
        plain("double(", X, ") < 1"),
        cel(X, " < 0.5"),
        cel("double(", Template(parts=("1",)), ") < 2"),
        Expression(language="expr", parts=("double(", X, ") > 1")),
        Literal(value="1 < 2"),
    ],
)
def test_what_is_more(condition: Template | Expression) -> None:
    assert comparisons(condition) is None
