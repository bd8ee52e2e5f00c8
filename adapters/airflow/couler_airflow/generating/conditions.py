"""Conditions of calls: what has to hold for a step to run, as far as that stands in the workflow.

Argo fills in the text of a condition, and gives it to govaluate, with variables taken for strings (`shouldExecute` in
`workflow/controller/operator.go`). So a value decides how it is read: `1` is a number, `heads` a string, `true` a truth
value, and a value with a space or an operator in it another expression. What is none of the former fails the task.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from couler_airflow.generating.printing import Node
from couler_airflow.generating.runtime import compared
from couler_airflow.generating.texts import Item, Jinja, Scope, Text, Variable, constant, joined, resolve, spelt
from couler_airflow.legal import refusal
from couler_plugins.engine_kit.legalize.conditions import Membership, comparisons
from couler_plugins.ir import Expression, Literal, Step

TOKEN = re.compile(r"""\s*(==|!=|=~|!~|<=|>=|&&|\|\||<|>|\(|\)|'[^'\\]*'|"[^"\\]*"|[^\s=!<>&|'"()~]+)""")
COMPARING = {"==", "!=", "=~", "!~", "<", "<=", ">", ">="}
OPERATORS = COMPARING | {"&&", "||", "(", ")"}


class Comparison(NamedTuple):
    """Two sides, and how they are compared."""

    left: Text
    operator: str
    right: Text


class Condition(NamedTuple):
    """All of these hold, or (`some`) one of them."""

    comparisons: tuple[Comparison | Condition, ...]
    some: bool = False


def condition_of(step: Step, scope: Scope) -> Condition | None:
    """What has to hold for a step to run; None where it always runs.

    Raises:
        Unsupported: it is more than comparisons.
    """
    if step.condition is None or step.condition == Literal(value=""):
        return None
    if isinstance(step.condition, Expression):
        return _of_texts(step, scope)
    tokens = list(_tokens(resolve(step.condition, scope, step.name), step.name))
    parser = _Parser(tokens, step.name)
    tree = parser.read(0)
    if parser.place != len(tokens):
        raise parser.refuse()
    condition = tree if isinstance(tree, Condition) else Condition((tree,))
    try:
        for comparison in _leaves(condition):
            for side in (comparison.left, comparison.right):
                _holds(Comparison(side, "==", side))
            _holds(comparison)
    except ValueError as error:
        raise refusal("Step.condition", step.name, f"has a condition that cannot be read: {error}") from error
    return condition


class _Parser:
    def __init__(self, tokens: list[Text], step: str) -> None:
        self._tokens = tokens
        self._step = step
        self.place = 0

    def refuse(self) -> Exception:
        return refusal("Step.condition", self._step, "has a condition that is more than comparisons")

    def _next(self) -> str | None:
        return constant(self._tokens[self.place]) if self.place < len(self._tokens) else None

    def read(self, level: int) -> Comparison | Condition:
        """What comes next: alternatives, then what has to hold together, then one comparison."""
        if level == len(JOINTS):
            return self._unit()
        parts = [self.read(level + 1)]
        while self._next() == JOINTS[level]:
            self.place += 1
            parts.append(self.read(level + 1))
        return parts[0] if len(parts) == 1 else Condition(tuple(parts), some=level == 0)

    def _unit(self) -> Comparison | Condition:
        if self._next() == "(":
            self.place += 1
            inner = self.read(0)
            if self._next() != ")":
                raise self.refuse()
            self.place += 1
            return inner
        sides = self._tokens[self.place : self.place + 3]
        operators = [constant(side) in OPERATORS for side in sides]
        if operators != [False, True, False] or constant(sides[1]) not in COMPARING:
            raise self.refuse()
        self.place += 3
        return Comparison(sides[0], constant(sides[1]) or "", sides[2])


JOINTS = ("||", "&&")
"""What joins comparisons, the loosest first."""


def _leaves(condition: Condition) -> Iterator[Comparison]:
    for item in condition.comparisons:
        if isinstance(item, Condition):
            yield from _leaves(item)
        else:
            yield item


def _of_texts(step: Step, scope: Scope) -> Condition:
    """A condition over texts, which are compared as they are, and over numbers."""
    tests = comparisons(step.condition)
    if tests is None:
        raise refusal("Step.condition", step.name, "has a condition that is more than comparisons of texts and numbers")
    parsed: list[Comparison | Condition] = []
    for item in tests:
        left_side = resolve(item.value, scope, step.name)
        if isinstance(item, Membership):
            operator = "is not" if item.negated else "is"
            among: list[Comparison | Condition] = [Comparison(left_side, operator, (text,)) for text in item.among]
            several = len(among) > 1 and not item.negated and len(tests) > 1
            parsed += [Condition(tuple(among), some=True)] if several else among
            if len(tests) == 1 and len(among) > 1 and not item.negated:
                return Condition(tuple(among), some=True)
        else:
            parsed.append(Comparison(left_side, item.operator, (item.number,)))
    return Condition(tuple(parsed))


def _tokens(text: Text, step: str) -> Iterator[Text]:
    """Operators and sides; a side is what stands together, or in quotes (which stay, as they say what it is)."""
    if any(isinstance(part, Variable) for part in text):
        raise refusal("Step.condition", step, "compares what only its pod knows")
    marked = "".join(part if isinstance(part, str) else f"\ue000{number}\ue000" for number, part in enumerate(text))
    if marked.count("\ue000") != 2 * sum(isinstance(part, (Jinja, Item)) for part in text):
        raise refusal("Step.condition", step, "has a character of Unicode's private use area in its condition")
    end = 0
    while marked[end:].strip():
        token = TOKEN.match(marked, end)
        if token is None:
            raise refusal("Step.condition", step, "has a condition that is more than comparisons")
        end = token.end()
        pieces = token[1].split("\ue000")
        yield joined(*((text[int(piece)],) if number % 2 else (piece,) for number, piece in enumerate(pieces)))


def has_item(condition: Condition | None) -> bool:
    """Whether a condition asks about the item of a loop that only the run knows."""
    sides = (side for leaf in _leaves(condition or Condition(())) for side in (leaf.left, leaf.right))
    return any(isinstance(part, Item) for side in sides for part in side)


def holds(condition: Condition) -> bool | None:
    """Whether a condition holds; None where only the run knows."""
    results = [holds(item) if isinstance(item, Condition) else _holds(item) for item in condition.comparisons]
    if None in results:
        return None
    return any(results) if condition.some else all(results)


def _holds(comparison: Comparison) -> bool | None:
    left, right = constant(comparison.left), constant(comparison.right)
    return None if left is None or right is None else compared(left, comparison.operator, right)


def written(conditions: tuple[Condition, ...]) -> tuple[list[Node], bool]:
    """Conditions as `all_hold` reads them: what is compared, and whether one of that is enough."""
    condition = conditions[0] if len(conditions) == 1 else Condition(conditions)
    return [_written(item) for item in condition.comparisons], condition.some


def _written(item: Comparison | Condition) -> Node:
    if isinstance(item, Condition):
        return [_written(inner) for inner in item.comparisons], item.some
    return (spelt(item.left, jinja=True), item.operator, spelt(item.right, jinja=True))
