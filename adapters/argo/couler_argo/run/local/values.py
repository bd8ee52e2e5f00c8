"""Values of Argo's workflows: tags filled in, items of loops, what steps that loop hand on.

Sources: `processItem` and `processAggregateNodeResults` in `workflow/controller/operator.go`, `expandSequence` in
`workflow/controller/steps.go`, `pkg/apis/workflow/v1alpha1/item.go`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from couler_argo.run.local.evaluating import evaluated, spelled
from couler_plugins.hookspecs.local import Ended, File, Look, NotThere
from couler_plugins.ir import Expression, FirstOf, Literal, Loop, Native, Reference, Template, Value

FORMAT = re.compile(r"%0?\d{0,3}[dxXo]")
MOST = 100_000
"""Items of a sequence."""


def text(value: Value, look: Look) -> str:
    """A value as a text.

    Raises:
        NotThere: it refers to something that is not there.
    """
    match value:
        case Literal():
            return value.value if isinstance(value.value, str) else spelled(value.value)
        case Reference():
            return _plain(look(value))
        case Template():
            return "".join(_part(part, look) for part in value.parts)
        case Expression():
            return spelled(expression(value, look))
        case FirstOf():
            return _first(value, look)
        case Native():
            return spelled(data(value, look))


def _part(part: str | Value, look: Look) -> str:
    return part if isinstance(part, str) else text(part, look)


def _first(value: FirstOf, look: Look) -> str:
    for one in value.values:
        try:
            return text(one, look)
        except NotThere:
            continue
    raise NotThere("none of several values is there")


def _plain(value: Any) -> str:
    if isinstance(value, (File, bytes)):
        raise NotThere("an artifact is no text")
    return spelled(value)


def held_text(value: Expression, look: Look) -> tuple[str, list[Any]]:
    """The text of an expression with numbers for what it looks up, and what gives these."""
    parts: list[str] = []
    values: list[Any] = []
    for part in value.parts:
        match part:
            case str():
                parts.append(part)
            case Reference():
                parts.append(f"\x00{len(values)}\x00")
                values.append(partial(look, part))
            case Template():  # a tag is filled in before the expression is read
                parts.append(text(part, look))
    return "".join(parts), values


def expression(value: Expression, look: Look) -> Any:
    """What an expression is.

    Raises:
        NotThere: it looks up what is not there.
    """
    return evaluated(*held_text(value, look))


def data(value: Native, look: Look) -> Any:
    """A structure with everything in it filled in: what stands in its texts is a part of them.

    Raises:
        NotThere: it refers to something that is not there, or is no JSON then.
    """
    text_of = "".join(part if isinstance(part, str) else _escaped(text(part, look)) for part in value.parts)
    try:
        return json.loads(text_of or "null")
    except ValueError:
        raise NotThere(f"{text_of!r:.80} is no JSON") from None


def _escaped(content: str) -> str:
    return json.dumps(content, ensure_ascii=False)[1:-1]


def artifact(value: Value, look: Look) -> File | bytes | None:
    """An artifact: of a step, or written in the workflow (`raw`).

    Raises:
        NotThere: it is somewhere outside, or not there.
    """
    match value:
        case Reference():
            result = look(value)
        case Expression():
            result = expression(value, look)
        case Template(parts=(Expression() as only,)):
            result = expression(only, look)
        case Native():
            content = data(value, look)
            raw = content.get("raw") if isinstance(content, dict) else None
            if not isinstance(raw, dict) or not isinstance(raw.get("data"), str):
                raise NotThere("an artifact is fetched from outside")
            return str(raw["data"]).encode()
        case _:
            raise NotThere("this is no artifact")
    if isinstance(result, (File, bytes)) or result is None:
        return result
    raise NotThere(f"{result!r:.40} is no artifact")


def items(loop: Loop, look: Look) -> Sequence[Any]:
    """The items of `withItems`, `withParam` or `withSequence`.

    Raises:
        NotThere: they are no list.
    """
    values = loop.axes[0].values
    if loop.combine == "sequence":
        assert isinstance(values, Native)
        return _sequence(data(values, look))
    if isinstance(values, Native):
        items = data(values, look)
    else:
        written = text(values, look)
        try:
            items = json.loads(written)
        except ValueError:
            raise NotThere(f"withParam {written.strip()!r:.80} is no JSON list") from None
    if items is None:
        return []
    if not isinstance(items, list):
        raise NotThere(f"it loops over {items!r:.80}, which is no list")
    return items


def _sequence(content: Any) -> list[str]:
    try:
        numbers = {key: int(content[key]) for key in ("start", "end", "count") if content.get(key) not in (None, "")}
    except (TypeError, ValueError):
        raise NotThere(f"withSequence {content!r:.80} has something that is no number") from None
    start = numbers.get("start", 0)
    if "count" in numbers:
        end = start + numbers["count"] - 1
        result = range(start, end + 1)
    else:
        end = numbers.get("end", 0)
        result = range(start, end + 1) if start <= end else range(start, end - 1, -1)
    if len(result) > MOST:
        raise NotThere(f"withSequence gives {len(result)} items")
    form = content.get("format")
    if form and not FORMAT.search(form):
        raise NotThere(f"withSequence has a format {form!r:.40}, which --local does not support")
    return [form % number if form else str(number) for number in result]


def gathered(reference: Reference, every: Sequence[Ended]) -> str:
    """What steps of a loop hand on together: a JSON list, of those that have succeeded.

    Raises:
        NotThere: they hand on nothing of that name.
    """
    well = [item for item in every if item.outcome == "succeeded"]
    if reference.kind == "result" and not reference.path:
        try:
            return spelled([json.loads(item.result) for item in well if item.result is not None])
        except ValueError:
            raise NotThere(f"the steps of the loop {reference.step!r} print something that is no JSON") from None
    if reference.kind == "parameter" and not reference.name:
        return spelled([dict(item.parameters) for item in well if item.parameters])
    if reference.kind == "parameter" and not reference.path:
        values = [item.parameters[reference.name] for item in well if reference.name in item.parameters]
        if values or not well:
            return spelled(list(map(_read, values)))
    raise NotThere(f"the steps of the loop {reference.step!r} hand on no {reference.native or reference.name!r}")


def _read(content: str) -> Any:
    """A text as the JSON that it is; itself where it is none."""
    try:
        return json.loads(content)
    except ValueError:
        return content
