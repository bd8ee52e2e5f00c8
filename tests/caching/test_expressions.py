"""Expressions that give the same for the same values, and those of which that is not known."""

from __future__ import annotations

import pytest

from couler_plugins.caching.impurity_patterns import impure_expression
from couler_plugins.ir import Argument, Call, Expression, Literal, Reference, Step, Template

READ = Reference(to="input", kind="parameter", name="x")


def called(*parts: str | Reference) -> bool:
    expression = Expression(language="expr", parts=parts)
    return impure_expression(Template(parts=("before ", expression))) is not None


@pytest.mark.parametrize(
    "text",
    [
        "1 + 2",
        "'now()'",
        '"sprig.now()"',
        "`randInt(1)`",
        "toJson([1])",
        "sprig.trim('x')",
        "sprig.rest(list)",
        "sprig . trim ('x')",
        "[1, 2] | map(# * 2) | toJson()",
        "upper('x') + lower('y')",
        "'it\\'s now()'",
        "true ? 'a' : 'b'",
    ],
)
def test_functions(text: str) -> None:
    assert not called(text)
    assert not called(READ, " == ", text)


@pytest.mark.parametrize(
    "text",
    [
        "now()",
        "sprig.now()",
        "sprig.now ()",
        "sprig\n.\nnow()",
        "sprig?.now()",
        "sprig.date('2006', '')",
        "sprig.ago(x)",
        "sprig.randInt(0, 9)",
        "sprig.uuidv4()",
        "sprig.bcrypt('x')",
        "sprig.htpasswd('a', 'b')",
        "sprig.encryptAES('a', 'b')",
        "sprig.getHostByName('x')",
        "sprig.env('x')",
        "sprig.keys({'a': 1})",
        "let f = sprig.randInt; f(0, 9)",
        "let s = sprig; s.randInt(0, 9)",
        "$env.sprig.randInt(0, 9)",
        "trim('x') + sprig.shuffle('y')",
        "date('2020-01-01')",
        "sprig.randInt/**/(0, 9)",
        "sprig.randInt//\n(0, 9)",
        "1 /* ' */ + sprig.randInt(0, 9) /* ' */",
        "unheard(1)",
    ],
)
def test_what_may_differ(text: str) -> None:
    assert called(text)
    assert called(READ, " == ", text)


def test_expressions_anywhere_in_a_step() -> None:
    bad = Template(parts=(Expression(language="expr", parts=("now()",)),))
    assert impure_expression(Argument(name="x", value=bad)) is not None
    assert (
        impure_expression(Step(name="a", call=Call(name="op"), arguments=(Argument(name="x", value=bad),))) is not None
    )
    assert impure_expression(Argument(name="x", value=Literal(value="now()"))) is None
