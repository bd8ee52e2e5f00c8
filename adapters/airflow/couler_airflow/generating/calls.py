"""What a call passes on, and for which items it runs, as far as that stands in the workflow.

Sources of loops: Argo's `workflow/controller` (`expandStep`, `expandSequence`) and docs/walk-through/loops.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from couler_airflow.generating.artifacts import input_of
from couler_airflow.generating.texts import (
    Item,
    Jinja,
    Scope,
    Text,
    Variable,
    code_of,
    constant,
    data_text,
    jinja_quoted,
    resolve,
    resolve_data,
)
from couler_airflow.legal import refusal
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.ir import Graph, Literal, Native, Operation, Port, Step, Value

MAX_ITEMS = 1000
PERCENT = re.compile(r"%(0?)(\d{0,2})([dxXo])")


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
    ports = [port for port in callee.inputs if port.kind == "parameter"]
    inputs = {port.name: scope.parameters[port.name] for port in ports if is_entry and port.name in scope.parameters}
    arguments = [item for item in step.arguments if not is_function or item.value != Literal(value=None)]
    passed = {item.name: item.value for item in arguments if item.kind == "parameter"}
    whole = Scope(scope.parameters, outcome=scope.outcome, exported=scope.exported)
    for port in ports:
        if port.name in passed:
            inputs[port.name] = resolve(passed[port.name], scope, step.name)
        elif port.name not in inputs and (value := port.value if port.value is not None else port.default) is not None:
            inputs[port.name] = resolve(value, whole, step.name)
        elif port.name not in inputs and port.origin is not None:
            inputs[port.name] = (variable_of(port, step.name),)
    artifacts = {item.name: item.value for item in step.arguments if item.kind == "artifact"}
    places = (
        (port, input_of(port, artifacts.get(port.name), scope, step.name))
        for port in callee.inputs
        if port.kind == "artifact"
    )
    return Scope(
        scope.parameters,
        inputs,
        artifacts={port.name: place for port, place in places if place is not None},
        outcome=scope.outcome,
        exported=scope.exported,
    )


SOURCES = ("configMapKeyRef", "secretKeyRef")


def variable_of(port: Port, step: str) -> Variable:
    """The variable of a pod that holds a parameter from a ConfigMap or a Secret.

    Raises:
        Unsupported: it comes from elsewhere, or may be missing there.
    """
    data = resolve_data(port.origin, Scope({}), step)
    key = next((name for name in SOURCES if name in data), None)
    plain = {name: constant(text) for name, text in data[key].items() if isinstance(text, tuple)} if key else {}
    if key is None or len(data) > 1 or plain.keys() != {"name", "key"} or None in plain.values():
        reason = f"takes {port.name!r} from elsewhere than a ConfigMap or a Secret, or it may be missing there"
        raise refusal("Port.origin", step, reason)
    name = re.sub(r"\W", "_", f"{plain['name']}_{plain['key']}", flags=re.ASCII).upper()
    source = {key: plain}
    return Variable(f"FROM_{name}", Native.of(source).parts[0])  # type: ignore[arg-type]  # it is one text


def items_of(step: Step, scope: Scope) -> tuple[Text | None, Sequence[Any]]:
    """The list that a step loops over, as JSON text, where only the run knows it; and the items that it runs for.

    It runs for one None where it does not loop.

    Raises:
        Unsupported: there are no items, or too many.
    """
    if step.loop is None:
        return None, [None]
    loop, values = step.loop, step.loop.axes[0].values
    if loop.combine == "rows" and not isinstance(values, Native):
        text = resolve(values, scope, step.name)
        if (listed := constant(text)) is None:
            return text, [Item()]
        values = Native(parts=(listed,))
    try:
        if loop.combine == "sequence":
            items = _sequence(step, values, scope)
        elif loop.combine == "rows":
            items = _data(step, values, scope)
        else:
            items = _combined(step, scope)
    except (ValueError, RecursionError):
        items = None
    if isinstance(items, Jinja):
        return (items,), [Item()]
    if not isinstance(items, list):
        raise refusal("Step.loop", step.name, "loops over what is no list")
    if not 0 < len(items) <= MAX_ITEMS:
        hint = f"Airflow skips a task without items, and {MAX_ITEMS} are the most that are written out"
        raise refusal("Step.loop", step.name, f"loops over {len(items)} items", hint)
    return None, items


def _combined(step: Step, scope: Scope) -> list[Any]:
    """The combinations of several lists, by the names of these."""
    assert step.loop is not None
    lists = []
    for axis in step.loop.axes:
        values = axis.values
        if not isinstance(values, Native):
            listed = constant(resolve(values, scope, step.name))
            if listed is None:
                raise refusal("Loop.axes", step.name, f"loops over {axis.name!r}, which is only known at run time")
            values = Native(parts=(listed,))
        lists.append(_data(step, values, scope))
    rows = product(*lists) if step.loop.combine == "product" else zip(*lists, strict=True)
    return [dict(zip((axis.name for axis in step.loop.axes), row, strict=True)) for row in rows]


def _data(step: Step, values: Value, scope: Scope) -> Any:
    return resolve_data(values, scope, step.name) if isinstance(values, Native) else None


def _sequence(step: Step, values: Value, scope: Scope) -> list[Any] | Jinja:
    sequence = _data(step, values, scope)
    if not isinstance(sequence, dict) or sequence.keys() - {"count", "start", "end", "format"}:
        raise refusal("Loop.axes", step.name, "has a sequence that is not supported")
    pattern = sequence.pop("format", ())
    text = constant(pattern) if isinstance(pattern, tuple) else None
    if text is None or (text and len(PERCENT.findall(text)) != 1) or text.count("%") > 1:
        raise refusal("Loop.axes", step.name, "formats its numbers in a way that is not supported")
    if None in [data_text(value) for value in sequence.values()]:
        numbers_of = {"start": 0, "end": "", "count": "", **sequence}.values()
        codes = [code_of(item if isinstance(item, tuple) else (str(item),), step.name) for item in numbers_of]
        return Jinja(f"counted({', '.join(codes)}, {jinja_quoted(text)})")
    start = _number(step, sequence, "start", 0)
    if "count" in sequence:
        count = _number(step, sequence, "count", 0)
        numbers = range(start, start + min(count, MAX_ITEMS + 1))
    else:
        end = _number(step, sequence, "end", 0)
        numbers = range(start, end + 1) if start <= end else range(start, end - 1, -1)
    return [(text % number if text else str(number),) for number in numbers[: MAX_ITEMS + 1]]


def _number(step: Step, sequence: Mapping[str, Any], key: str, usual: int) -> int:
    try:
        return int(data_text(sequence.get(key, usual)) or "")
    except ValueError:
        raise refusal("Step.loop", step.name, f"counts from or to a {key} that is no number") from None
