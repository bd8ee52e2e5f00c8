"""Predicates: what has to hold for a step to run, or for a loop to go on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from couler_plugins.authoring.places import said_where, shown
from couler_plugins.authoring.values import RunValue, as_value, checked_as_text
from couler_plugins.engine_kit.legalize.values import joined
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Expression, Literal, Reference, Template, Value, map_references

TEXTS = ("==", "!=")
"""What compares texts as they are; the others compare numbers."""
NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)
"""What all engines read as a number: not `nan`, and not `1_000`."""
MISSING: Any = object()
"""In place of the second side, which may be nothing by mistake."""


@dataclass(frozen=True)
class Condition:
    """A comparison of a value of the run with a constant (or another value of the run).

    Attributes:
        operator: how they are compared.
        right: the other side.
        left: the value; None stands for what the step of a loop gives.
    """

    operator: str
    right: Value
    left: Reference | None = None

    @said_where
    def __bool__(self) -> NoReturn:
        """`equal(…) and equal(…)` would be the last of them, and nothing else."""
        hint = "for both, put one when() into the function of the other; or decide in a step that prints true or false"
        raise InvalidInput("a condition is decided by the run: not, and, or and if cannot be used on it", hint=hint)

    def of(self, value: RunValue) -> Condition:
        """The condition, asked of a value where it is of none yet."""
        return (
            self
            if self.left is not None
            else replace(self, left=checked_as_text(value.reference, "what is asked about"))
        )

    def refer(self, change: Callable[[Reference], Reference]) -> Condition:
        """The condition on other things."""
        return replace(self, left=map_references(self.left, change), right=map_references(self.right, change))


@said_where
def equal(left: Any, right: Any = MISSING) -> Condition:
    """`left` is the text `right`. With one argument, for `exec_while`: what its step gives is that text."""
    return _condition("==", left, right)


@said_where
def not_equal(left: Any, right: Any = MISSING) -> Condition:
    """`left` is another text than `right`; with one argument as `equal`."""
    return _condition("!=", left, right)


@said_where
def bigger(left: Any, right: Any = MISSING) -> Condition:
    """`left` is a number greater than `right`; with one argument as `equal`."""
    return _condition(">", left, right)


@said_where
def smaller(left: Any, right: Any = MISSING) -> Condition:
    """`left` is a number less than `right`; with one argument as `equal`."""
    return _condition("<", left, right)


@said_where
def bigger_equal(left: Any, right: Any = MISSING) -> Condition:
    """`left` is a number not less than `right`; with one argument as `equal`."""
    return _condition(">=", left, right)


@said_where
def smaller_equal(left: Any, right: Any = MISSING) -> Condition:
    """`left` is a number not greater than `right`; with one argument as `equal`."""
    return _condition("<=", left, right)


def _condition(operator: str, left: Any, right: Any) -> Condition:
    if right is MISSING:
        left, right = MISSING, left
    other = as_value(right, "what is compared with")
    if operator not in TEXTS and isinstance(other, Literal) and not _is_number(other.value):
        raise InvalidInput(f"{shown(other.value)} is no number", hint="equal and not_equal compare texts")
    if isinstance(other, Template):
        raise InvalidInput("a value is compared with a text that holds another", hint="compare with the value itself")
    if left is MISSING:
        return Condition(operator, other)
    value = as_value(left, "what is compared")
    if not isinstance(value, Reference):
        hint = "give what a step returned first, and the constant second"
        raise InvalidInput(f"{shown(left)} is no value of the run", hint=hint)
    return Condition(operator, other, value)


def check_condition(condition: object) -> None:
    """Raises `InvalidInput` where something is no condition."""
    if not isinstance(condition, Condition):
        hint = 'compare: equal(result, "heads"), or equal("heads") in exec_while'
        raise InvalidInput(f"{shown(condition)} is no condition", hint=hint)


def _is_number(text: object) -> bool:
    return isinstance(text, str) and NUMBER.fullmatch(text) is not None


def condition_value(conditions: tuple[Condition, ...]) -> Value | None:
    """All of these as the IR has it: texts are compared in CEL, numbers in plain text with references in it."""
    if not conditions:
        return None
    texts = all(item.operator in TEXTS for item in conditions)
    if not texts:
        _check_plain(conditions)
    parts: list[Any] = []
    for item in conditions:
        assert item.left is not None
        parts.append(" && " if parts else "")
        parts += _cel(item) if texts else _plain(item)
    whole = joined(parts)
    return Expression(language="cel", parts=whole) if texts else Template(parts=whole)


def _check_plain(conditions: tuple[Condition, ...]) -> None:
    """Texts beside numbers are compared in plain text, where a quote would end them."""
    for item in conditions:
        text = getattr(item.right, "value", "")
        if item.operator in TEXTS and re.search(r"['\"\\{}]|[^\x20-\U0010ffff]", str(text)):
            hint = "ask for one of them in a step that prints true or false"
            raise InvalidInput(f"the text {shown(text)} cannot be compared beside numbers", hint=hint)


def _cel(item: Condition) -> list[Any]:
    right = item.right if isinstance(item.right, Reference) else _quoted(str(getattr(item.right, "value", "")))
    return [item.left, f" {item.operator} ", right]


def _quoted(text: str) -> str:
    if not re.search(r"['\\\x00-\x1f]|\{\{|\}\}", text):
        return f"'{text}'"
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.replace("{{", "{\\u007b").replace("}}", "}\\u007d")  # two would end Argo's tag


def _plain(item: Condition) -> list[Any]:
    quote = "'" if item.operator in TEXTS else ""
    right = item.right if isinstance(item.right, Reference) else str(getattr(item.right, "value", ""))
    return [quote, item.left, f"{quote} {item.operator} {quote}", right, quote]
