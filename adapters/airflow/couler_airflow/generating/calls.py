"""What a call says: what it passes on, when it runs, and for which items, as far as that stands in the workflow.

Argo fills in the text of a condition, and gives it to govaluate, with variables taken for strings (`shouldExecute` in
`workflow/controller/operator.go`). So a value decides how it is read: `1` is a number, `heads` a string, `true` a truth
value, and a value with a space or an operator in it another expression. What is none of the former fails the task.
Sources of loops: Argo's `workflow/controller` (`expandStep`, `expandSequence`) and docs/walk-through/loops.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from couler_airflow.generating.runtime import compared
from couler_airflow.generating.texts import (
    Item,
    Jinja,
    Scope,
    Text,
    constant,
    data_text,
    joined,
    resolve,
    resolve_data,
)
from couler_airflow.legal import refusal
from couler_plugins.engine_kit.legalize.conditions import Membership, comparisons
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.ir import Expression, Graph, Literal, Native, Operation, Step, Value

TOKEN = re.compile(r"""\s*(==|!=|<=|>=|&&|\|\||<|>|'[^'\\]*'|"[^"\\]*"|[^\s=!<>&|'"()]+)""")
COMPARING = {"==", "!=", "<", "<=", ">", ">="}
OPERATORS = COMPARING | {"&&", "||"}
MAX_ITEMS = 1000
PERCENT = re.compile(r"%(0?)(\d{0,2})([dxXo])")


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


def bound(step: Step, callee: Graph | Operation, scope: Scope, *, is_entry: bool) -> Scope:
    """The scope inside of what a step calls.

    Args:
        step: the call, which passes all that is needed.
        callee: what it calls.
        scope: where it is called.
        is_entry: whether the run itself calls it, and hands its parameters on.

    Raises:
        Unsupported: as `resolve`.
    """
    is_function = isinstance(callee, Operation) and function_of(callee) is not None
    inputs = {
        port.name: scope.parameters[port.name] for port in callee.inputs if is_entry and port.name in scope.parameters
    }
    passed = {item.name: item.value for item in step.arguments if not is_function or item.value != Literal(value=None)}
    for port in callee.inputs:
        if port.name in passed:
            inputs[port.name] = resolve(passed[port.name], scope, step.name)
        elif port.name not in inputs and (value := port.value if port.value is not None else port.default) is not None:
            inputs[port.name] = resolve(value, Scope(scope.parameters), step.name)
    return Scope(scope.parameters, inputs)


def items_of(step: Step, scope: Scope) -> tuple[Text | None, Sequence[Any]]:
    """The list that a step loops over, as JSON text, where only the run knows it; and the items that it runs for.

    It runs for one None where it does not loop.

    Raises:
        Unsupported: there are no items, or too many.
    """
    if step.loop is None:
        return None, [None]
    values = step.loop.axes[0].values
    if step.loop.combine == "rows" and not isinstance(values, Native):
        text = resolve(values, scope, step.name)
        if (listed := constant(text)) is None:
            return text, [Item()]
        values = Native(parts=(listed,))
    try:
        items = _sequence(step, values, scope) if step.loop.combine == "sequence" else _data(step, values, scope)
    except (ValueError, RecursionError):
        items = None
    if not isinstance(items, list):
        raise refusal("Step.loop", step.name, "loops over what is no list")
    if not 0 < len(items) <= MAX_ITEMS:
        hint = f"Airflow skips a task without items, and {MAX_ITEMS} are the most that are written out"
        raise refusal("Step.loop", step.name, f"loops over {len(items)} items", hint)
    return None, items


def _data(step: Step, values: Value, scope: Scope) -> Any:
    return resolve_data(values, scope, step.name) if isinstance(values, Native) else None


def _sequence(step: Step, values: Value, scope: Scope) -> list[Any]:
    sequence = _data(step, values, scope)
    if not isinstance(sequence, dict) or sequence.keys() - {"count", "start", "end", "format"}:
        raise refusal("Loop.axes", step.name, "has a sequence that is not supported")
    start = _number(step, sequence, "start", 0)
    if "count" in sequence:
        count = _number(step, sequence, "count", 0)
        numbers = range(start, start + min(count, MAX_ITEMS + 1))
    else:
        end = _number(step, sequence, "end", 0)
        numbers = range(start, end + 1) if start <= end else range(start, end - 1, -1)
    pattern = sequence.get("format", ())
    text = constant(pattern) if isinstance(pattern, tuple) else None
    if text is None or (text and len(PERCENT.findall(text)) != 1) or text.count("%") > 1:
        raise refusal("Loop.axes", step.name, "formats its numbers in a way that is not supported")
    return [(text % number if text else str(number),) for number in numbers[: MAX_ITEMS + 1]]


def _number(step: Step, sequence: Mapping[str, Any], key: str, usual: int) -> int:
    try:
        return int(data_text(sequence.get(key, usual)) or "")
    except ValueError:
        raise refusal("Step.loop", step.name, f"counts from or to a {key} that is only known at run time") from None
