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

    if operator in ("=~", "!~"):
        return bool(re.search(read(right)[1], read(left)[1])) is (operator == "=~")
    if operator in ("is", "is not"):
        return (left == right) is (operator == "is")
    one, other = read(left), read(right)
    if operator in ("==", "!="):
        return (one == other) is (operator == "==")
    if one[0] is not other[0] or one[0] is bool:
        raise ValueError(f"{left!r} and {right!r} cannot be compared by {operator}")
    less, same = bool(one[1] < other[1]), one[1] == other[1]
    return {"<": less, "<=": less or same, ">": not less and not same, ">=": not less}[operator]


def all_hold(comparisons: Sequence[Any], some: bool, read: Callable[[Any], str]) -> bool:
    """Whether all comparisons hold (or some); a pair among them is again comparisons, and whether some are enough."""
    results = [
        all_hold(item[0], item[1], read) if len(item) == 2 else compared(read(item[0]), item[1], read(item[2]))
        for item in comparisons
    ]
    return any(results) if some else all(results)


def only_if(comparisons: Sequence[Any], some: bool = False) -> Callable[[Any], None]:
    """What skips a task unless all comparisons hold (or some), before it starts."""

    def check(context: Any) -> None:
        from airflow.sdk.exceptions import AirflowSkipException

        render = context["ti"].task.render_template
        if not all_hold(comparisons, some, lambda side: str(render(side, context))):
            raise AirflowSkipException("its condition does not hold")

    return check


def each(items: str, field: Any, only: Any = (), some: bool = False) -> list[Any]:
    """A field of an operator, or several, for each item of a list in JSON for which all comparisons hold (or some).

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
        if isinstance(node, dict):
            return {key: filled(inner, item) for key, inner in node.items()}
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

    def wanted(item: Any) -> bool:
        return all_hold(only, some, lambda side: str(filled(side, item)))

    return [filled(field, item) for item in values if wanted(item)]


def collected(values: Any, key: str = "") -> str:
    """The list, in JSON, of what several runs gave under a key, or of the texts themselves; those without are left out.

    With the key `parameters`, it is a list of all that each gave, by name. What is JSON is not quoted again.
    """
    import json

    def parsed(text: Any) -> Any:
        try:
            value = json.loads(text)
        except (TypeError, ValueError):
            return text
        return int(value) if isinstance(value, float) and value.is_integer() else value

    texts = []
    for value in values if isinstance(values, (list, tuple)) or hasattr(values, "__next__") else [values]:
        if value is None:
            continue
        if key == "parameters":
            start = f"{key}."
            texts.append({name.removeprefix(start): text for name, text in value.items() if name.startswith(start)})
        else:
            texts.append(parsed(value[key] if key else value))
    text = json.dumps(texts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def request(
    url: str,
    method: str = "GET",
    headers: Any = (),
    body: str = "",
    timeout: int = 30,
    status: int = 0,
    contains: str = "",
) -> str:
    """Send a request by HTTP, and return the answer; it fails unless the status is as wanted, or below 400."""
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{url} is no address of HTTP")
    sent = Request(url, body.encode() or None, dict(headers), method=method)  # noqa: S310  # that was looked at
    try:
        with urlopen(sent, timeout=timeout) as answer:  # noqa: S310  # as above
            code, text = answer.status, answer.read().decode(errors="replace")
    except HTTPError as error:
        code, text = error.code, error.read().decode(errors="replace")
    if contains not in text if contains else code != status if status else code >= 400:
        raise ValueError(f"{url} answers with {code}: {text:.200}")
    return str(text)


def counted(start: Any, end: Any, count: Any, pattern: str = "") -> str:
    """The list, in JSON, of the numbers from one to another, or of so many, each written by a pattern."""
    import json

    first = int(start)
    last = first + int(count) - 1 if count != "" else int(end)
    upwards = range(first, last + 1)
    numbers = upwards if first <= last or count != "" else range(first, last - 1, -1)
    return json.dumps([pattern % number if pattern else str(number) for number in numbers])
