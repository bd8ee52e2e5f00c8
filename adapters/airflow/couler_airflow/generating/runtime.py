"""What generated DAG files hold of us: the source of these functions is copied into the files that need them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any


def compared(left: str, operator: str, right: str) -> bool:
    """Whether two texts compare so, read as Argo reads them: words, numbers, true and false, texts in quotes.

    By `is` and `is not` they are compared as they are.
    """

    def read(text: str) -> tuple[type, Any]:
        if text in ("true", "false"):
            return bool, text == "true"
        if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", text):
            return float, float(text)
        if re.fullmatch(r"'[^'\\]*'|\"[^\"\\]*\"", text) and not re.search(r"\d[-:/.]\d", text):
            return str, text[1:-1]
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and text.lower() != "in":
            return str, text
        raise ValueError(f"{text!r} in a condition is no word and no number: Argo would read it as something else")

    if operator in ("is", "is not"):
        return (left == right) is (operator == "is")
    one, other = read(left), read(right)
    if operator in ("==", "!="):
        return (one == other) is (operator == "==")
    if one[0] is not other[0] or one[0] is bool:
        raise ValueError(f"{left!r} and {right!r} cannot be compared by {operator}")
    less, same = bool(one[1] < other[1]), one[1] == other[1]
    return {"<": less, "<=": less or same, ">": not less and not same, ">=": not less}[operator]


def only_if(comparisons: Sequence[tuple[str, str, str]], some: bool = False) -> Callable[[Any], None]:
    """What skips a task unless all comparisons hold (or some), before it starts."""

    def check(context: Any) -> None:
        from airflow.sdk.exceptions import AirflowSkipException

        render = context["ti"].task.render_template
        results = [compared(render(left, context), how, render(right, context)) for left, how, right in comparisons]
        if not (any(results) if some else all(results)):
            raise AirflowSkipException("its condition does not hold")

    return check


def each(items: str, field: Any) -> list[Any]:
    """A field of an operator for each item of a list in JSON.

    A text with items in it is a tuple of what it consists of: strings, and lists of the keys that lead to a part of the
    item. The item is written as Argo writes it: strings as they are, numbers as they stood there, all else as JSON.
    """
    import json

    class Number(float):
        text = ""

    def number(text: str) -> Number:
        value = Number(text)
        value.text = text
        return value

    def written(item: Any) -> str:
        if isinstance(item, str) and json.dumps(item, ensure_ascii=False) != f'"{item}"':
            raise ValueError(f"{item!r:.80} has characters in it that Argo passes on as JSON escapes them")
        if isinstance(item, str):
            return item
        if isinstance(item, Number):
            return item.text
        text = json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")

    def filled(node: Any, item: Any) -> Any:
        if isinstance(node, list):
            return [filled(inner, item) for inner in node]
        if isinstance(node, tuple):
            return "".join(part if isinstance(part, str) else written(at(item, part)) for part in node)
        return node

    def at(item: Any, keys: Sequence[str]) -> Any:
        for key in keys:
            item = item[key]
        return item

    values = json.loads(items, parse_float=number)
    if not isinstance(values, list):
        raise ValueError(f"{items!r:.80} is no list in JSON")
    return [filled(field, item) for item in values]
