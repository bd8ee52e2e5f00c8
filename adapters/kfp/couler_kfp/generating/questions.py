"""Conditions in CEL, over values that have types."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from couler_kfp.generating.conditions import Choice, Match, Test
from couler_kfp.generating.legality import refuse
from couler_kfp.generating.values import Read, check_braces
from couler_plugins.engine_kit.legalize.conditions import Comparison
from couler_plugins.engine_kit.legalize.python.functions import Kind, constant_of
from couler_plugins.engine_kit.legalize.values import joined
from couler_plugins.ir import Expression, Literal, Reference


def condition_of(question: Choice, step: str, read: Read, kind_of: Callable[[Reference], Kind]) -> Expression:
    """Return what has to hold, in CEL.

    Args:
        question: all of it.
        step: whose condition it is.
        read: what a reference in it stands for.
        kind_of: the kind of that.

    Raises:
        Unsupported: a value is compared with what none of its kind can be.
    """
    return Expression(language="cel", parts=joined(_written(question, step, read, kind_of)))


def _written(item: Test | Choice, step: str, read: Read, kind_of: Callable[[Reference], Kind]) -> list[Any]:
    if isinstance(item, Choice):
        parts: list[Any] = []
        for part in item.parts:
            parts += [f" {item.joint} " if parts else "", *_written(part, step, read, kind_of)]
        return ["!(", *parts, ")"] if item.joint == "!" else ["(", *parts, ")"] if len(item.parts) > 1 else parts
    value = read(item.value)
    kind = kind_of(value)
    if isinstance(item, Match):
        return ["(", value, f".matches({_compared(item.pattern, 'text', step)}))"]
    if isinstance(item, Comparison):
        cast = ["double(", value, ")"] if kind == "text" else [value]
        return ["(", *cast, f" {item.operator} {float(item.number)!r})"]
    how, joint = (" != ", " && ") if item.negated else (" == ", " || ")
    pieces: list[Any] = ["("]
    for number, text in enumerate(item.among):
        pieces += [joint if number else "", value, f"{how}{_compared(text, kind, step)}"]
    return [*pieces, ")"]


def _compared(text: str, kind: Kind, step: str) -> str:
    """Return a constant of CEL that a value of this kind is compared with, from its text.

    Raises:
        Unsupported: no value of this kind has that text, or CEL has no words for it.
    """
    if kind == "text":
        if "'" in text or "\\" in text or "\n" in text:
            raise refuse("Step.condition", step, "compares with a text that has quotes, backslashes or newlines")
        check_braces(Literal(value=text), step)
        return f"'{text}'"
    try:
        data = constant_of(text, kind)
    except ValueError:
        data = None
    if not isinstance(data, (int, float)):
        raise refuse("Step.condition", step, f"compares a {kind} with {text!r:.40}")
    return json.dumps(data if kind == "bool" else float(data))  # every number is a double
