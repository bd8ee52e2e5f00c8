"""The items of a loop, where they stand in the workflow: lists, lists as JSON text, and counts.

Sources: Argo's `workflow/controller` (`expandStep`, `expandSequence`) and docs/walk-through/loops.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from couler_airflow.generating.texts import Item, Scope, Text, constant, data_text, resolve, resolve_data
from couler_airflow.legal import refusal
from couler_plugins.ir import Native, Step, Value

__all__ = ["items_of"]

MAX_ITEMS = 1000
PERCENT = re.compile(r"%(0?)(\d{0,2})([dxXo])")


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
        raise refusal("Loop.axes", step.name, "counts in a way that is not known here")
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
        raise refusal("Loop.axes", step.name, "formats its numbers in a way that is not known here")
    return [(text % number if text else str(number),) for number in numbers[: MAX_ITEMS + 1]]


def _number(step: Step, sequence: Mapping[str, Any], key: str, usual: int) -> int:
    try:
        return int(data_text(sequence.get(key, usual)) or "")
    except ValueError:
        raise refusal("Step.loop", step.name, f"counts from or to a {key} that only the run knows") from None
