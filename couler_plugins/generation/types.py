"""Types of inputs and outputs: whether a constant is of one, and whether a step may read what another gives."""

from __future__ import annotations

import json
from typing import Any

from couler_plugins.hookspecs.steps import InputType

FITS: dict[str, frozenset[str]] = {
    "text": frozenset({"text", "int", "float", "bool", "list", "artifact"}),
    "artifact": frozenset({"text", "artifact"}),
    "int": frozenset({"text", "int"}),
    "float": frozenset({"text", "int", "float"}),
    "bool": frozenset({"text", "bool"}),
    "list": frozenset({"text", "list"}),
}
"""What an input takes: all is text in the end, but a number is no place where data is kept."""
TOO_LARGE = 1e308
"""No number of a form: neither is what is more, nor infinity, nor what is no number."""


def fits(given: InputType | None, wanted: InputType) -> bool:
    """Whether an output of one type can be an input of another; None is a type that nobody knows."""
    return given is None or given in FITS[wanted]


def converted(value: Any, wanted: InputType) -> Any:
    """A constant of a form as a value of a type, where a text that says one is one.

    Raises:
        ValueError: it is none.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < TOO_LARGE
    match wanted:
        case "text":
            return value if isinstance(value, str) else text_of(value)
        case "artifact" if isinstance(value, str) and value:
            return value
        case "int" if is_number and value == int(value):
            return int(value)
        case "float" if is_number:
            return float(value)
        case "bool" if isinstance(value, bool):
            return value
        case "list" if isinstance(value, tuple | list):
            return [text_of(item) for item in value]
        case "int" | "float" | "bool" | "list" if isinstance(value, str):
            read = _read(value)
            if not isinstance(read, str):
                return converted(read, wanted)
    raise ValueError(f"{value!r:.60} is no {wanted}")


def text_of(value: Any) -> str:
    """A constant of a form as the text that it travels as."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(text: str) -> Any:
    try:
        return json.loads(text[:100_000])
    except (ValueError, RecursionError):
        raise ValueError(f"{text!r:.60} says no such value") from None
