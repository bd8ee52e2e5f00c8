"""Which conditions are read as questions for one of several texts, and which are more than that."""

from __future__ import annotations

import pytest

from couler_plugins.engine_kit.legalize.conditions import Membership, memberships
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
        (Literal(value=""), ()),
        (plain(X, " == heads"), (Membership(X, ("heads",)),)),
        (plain("heads != ", X), (Membership(X, ("heads",), negated=True),)),
        (plain(X, " == 'heads'"), (Membership(X, ("heads",)),)),
        (plain("'", X, "' == '1'"), (Membership(X, ("1",)),)),
        (plain(X, " == true && ", Y, " != b"), (Membership(X, ("true",)), Membership(Y, ("b",), negated=True))),
        (cel(X, " == 'a b'"), (Membership(X, ("a b",)),)),
        (cel('"it\'s" == ', X), (Membership(X, ("it's",)),)),
        (cel("!(", X, " in ['a', 'b']) && (", Y, " != 'c')"),
         (Membership(X, ("a", "b"), negated=True), Membership(Y, ("c",), negated=True))),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_read(condition: Template | Expression | None, wanted: tuple[Membership, ...]) -> None:
    assert memberships(condition) == wanted


@pytest.mark.parametrize(
    "condition",
    [
        Literal(value="true"),
        Expression(language="expr", parts=(X, " == 'a'")),
        plain(X, " == 1"),  # 1.0 is the same number, and another text
        plain(X, " == '1'"),  # a string, while the other side may be a number
        plain("'", X, "' == true"),  # a string is no truth value
        plain("'", X, "' == '2020-01-01'"),  # a date
        plain(X, " > heads"),
        plain(X, " == a || ", X, " == b"),
        plain(X, " == ", Y),
        plain(X, " == heads-up"),
        plain("pre", X, " == heads"),
        plain(X, " in ['a']"),
        cel("double(", X, ") == 1.0"),
        cel(X, " == 'a' || ", X, " == 'b'"),
        cel("!(", X, " == 'a' && ", Y, " == 'b')"),
        cel(X, " == 'a\\n'"),
        cel(X, " == 'a'", Template(parts=("x",))),
    ],
    ids=str,
)
def test_what_is_more_than_that(condition: Template | Expression) -> None:
    assert memberships(condition) is None
