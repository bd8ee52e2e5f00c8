"""Conditions: comparisons of words and numbers, as Argo reads them.

Argo fills in the text, and gives it to govaluate, with variables taken for strings (`shouldExecute` in
`workflow/controller/operator.go`). So a value decides how it is read: `1` is a number, `heads` a string, `true` a truth
value, and a value with a space or an operator in it another expression. What is none of the former fails the task.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from couler_airflow.generating.runtime import compared
from couler_airflow.generating.texts import Jinja, Scope, Text, constant, joined, resolve
from couler_airflow.legal import refusal
from couler_plugins.engine_kit.legalize.comparisons import comparisons
from couler_plugins.engine_kit.legalize.conditions import Membership
from couler_plugins.ir import Expression, Literal, Step

__all__ = ["Comparison", "Condition", "condition_of", "holds"]

TOKEN = re.compile(r"""\s*(==|!=|<=|>=|&&|\|\||<|>|'[^'\\]*'|"[^"\\]*"|[^\s=!<>&|'"()]+)""")
COMPARING = {"==", "!=", "<", "<=", ">", ">="}
OPERATORS = COMPARING | {"&&", "||"}


class Comparison(NamedTuple):
    """Two sides, and how they are compared."""

    left: Text
    operator: str
    right: Text


class Condition(NamedTuple):
    """All of the comparisons hold, or (`some`) one of them."""

    comparisons: tuple[Comparison, ...]
    some: bool = False


def condition_of(step: Step, scope: Scope) -> Condition | None:
    """What has to hold for a step to run; None where it always runs.

    Raises:
        Unsupported: it is more than comparisons joined by one kind of operator.
    """
    if step.condition is None or step.condition == Literal(value=""):
        return None
    if isinstance(step.condition, Expression):
        return _of_texts(step, scope)
    text = resolve(step.condition, scope, step.name)
    tokens = list(_tokens(text, step.name))
    joints = {constant(token) for token in tokens[3::4]}
    comparisons = [tokens[start : start + 3] for start in range(0, len(tokens), 4)]
    plain = all(len(item) == 3 and constant(item[1]) in COMPARING for item in comparisons)
    sides = [side for item in comparisons for side in item[::2]]
    if (
        not plain
        or not tokens
        or len(joints) > 1
        or joints - {"&&", "||"}
        or any(constant(side) in OPERATORS for side in sides)
    ):
        raise refusal("Step.condition", step.name, "has a condition that is more than comparisons")
    parsed = tuple(Comparison(left, constant(how) or "", right) for left, how, right in comparisons)
    try:
        for comparison in (*(Comparison(side, "==", side) for side in sides), *parsed):
            _holds(comparison)
    except ValueError as error:
        raise refusal("Step.condition", step.name, f"has a condition that cannot be read: {error}") from error
    return Condition(parsed, some="||" in joints)


def _of_texts(step: Step, scope: Scope) -> Condition:
    """A condition over texts, which are compared as they are, and over numbers."""
    tests = comparisons(step.condition)
    if tests is None:
        raise refusal("Step.condition", step.name, "has a condition that is more than comparisons of texts and numbers")
    parsed: list[Comparison] = []
    several = False
    for item in tests:
        left_side = resolve(item.value, scope, step.name)
        if isinstance(item, Membership):
            several = several or (len(item.among) > 1 and not item.negated)
            parsed += [Comparison(left_side, "is not" if item.negated else "is", (text,)) for text in item.among]
        else:
            parsed.append(Comparison(left_side, item.operator, (item.number,)))
    if several and len(tests) > 1:
        raise refusal("Step.condition", step.name, "asks whether a text is one of several, beside something else")
    return Condition(tuple(parsed), some=several)


def _tokens(text: Text, step: str) -> Iterator[Text]:
    """Operators and sides; a side is what stands together, or in quotes (which stay, as they say what it is)."""
    marked = "".join(part if isinstance(part, str) else f"\ue000{number}\ue000" for number, part in enumerate(text))
    if marked.count("\ue000") != 2 * sum(isinstance(part, Jinja) for part in text):
        raise refusal("Step.condition", step, "has a character of Unicode's private use area in its condition")
    end = 0
    while marked[end:].strip():
        token = TOKEN.match(marked, end)
        if token is None:
            raise refusal("Step.condition", step, "has a condition that is more than comparisons")
        end = token.end()
        pieces = token[1].split("\ue000")
        yield joined(*((text[int(piece)],) if number % 2 else (piece,) for number, piece in enumerate(pieces)))


def holds(condition: Condition) -> bool | None:
    """Whether a condition holds; None where only the run knows."""
    results = [_holds(comparison) for comparison in condition.comparisons]
    if None in results:
        return None
    return any(results) if condition.some else all(results)


def _holds(comparison: Comparison) -> bool | None:
    left, right = constant(comparison.left), constant(comparison.right)
    return None if left is None or right is None else compared(left, comparison.operator, right)
