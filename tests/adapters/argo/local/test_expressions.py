"""Conditions and expressions, as Argo's libraries evaluate them."""

from __future__ import annotations

from typing import Any

import pytest

from couler_argo.run.local.evaluating import check_condition, check_expression, condition_holds, evaluated, spelled
from couler_plugins.hookspecs.local import NotThere


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("heads == heads", True),
        ("heads == tails", False),
        ("'heads' == \"heads\"", True),
        ("heads != tails", True),
        ("3 < 10", True),
        ("'3' < '10'", False),
        ("3 == 3.0", True),
        ("3 == '3'", False),
        ("true", True),
        ("true == true && false == false", True),
        ("a == b || c == c && d == e", False),
        ("(a == b || c == c) && d == d", True),
        ("!(a == a)", False),
        ("1 + 2 * 3 == 7", True),
        ("'even' in ('odd', 'even')", True),
        ("a =~ '^[ab]$'", True),
        ("a !~ '^[ab]$'", False),
        ("a == b ? false : true", True),
    ],
)
def test_conditions(text: str, holds: bool) -> None:
    check_condition(text)
    assert condition_holds(text) is holds


@pytest.mark.parametrize(
    "text", ["", "heads", "1 +", "a-b == a-b", "a == ", "((a == a)", "1 < a", "a.b == c", "f(a) == b", "'a"]
)
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(NotThere):
        condition_holds(text)


HELD: tuple[Any, ...] = ("heads", "5", {"a": {"b": [1, 2]}})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\x000\x00 == 'heads' ? 'yes' : 'no'", "yes"),
        ("\x000\x00 + '!'", "heads!"),
        ("asInt(\x001\x00) + 1", 6),
        ("asFloat(\x001\x00) / 2", 2.5),
        ("\x002\x00.a['b'][1]", 2),
        ("\x002\x00.a.missing ?? 'default'", "default"),
        ("'ea' in \x000\x00", True),
        ("\x000\x00 contains 'ead' && \x000\x00 startsWith 'h' and not (\x000\x00 endsWith 'x')", True),
        ("\x000\x00 matches '^h.*s$'", True),
        ("2 in [1, 2]", True),
        ("-7 % 3", -1),
        ("len(\x000\x00) >= 5", True),
        ("nil ?? `raw`", "raw"),
        ("toJson([1, 'a', true])", '[1,"a",true]'),
    ],
)
def test_expressions(text: str, value: Any) -> None:
    check_expression(text)
    found = evaluated(text, [lambda held=held: held for held in HELD])  # type: ignore[misc]  # mypy infers no lambda with a default
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text", ["sprig.lower('a')", "jsonpath('{}', '$')", "x", "map([1], {# + 1})", "{a: 1}", "1 ?", "a b"]
)
def test_expressions_that_are_not_known_are_refused_beforehand(text: str) -> None:
    with pytest.raises(NotThere):
        check_expression(text)


@pytest.mark.parametrize(
    "text", ["1 / 0", "1 < 'a'", "1 && true", "asInt('x')", "[1][2]", "'a' - 1", "'a' matches '('"]
)
def test_expressions_that_make_no_sense_are_errors(text: str) -> None:
    with pytest.raises(NotThere):
        evaluated(text, ())


def test_an_expression_is_only_nested_so_deep() -> None:
    for text in ("(" * 5000 + "1" + ")" * 5000, "!" * 5000 + "true", "[" * 5000):
        with pytest.raises(NotThere):
            check_expression(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1"), (2.0, "2"), (2.5, "2.5"), (True, "true"), (None, "null"), ({"b": 1, "a": "<"}, '{"a":"\\u003c","b":1}')],
)
def test_results_as_texts(value: Any, text: str) -> None:
    assert spelled(value) == text
