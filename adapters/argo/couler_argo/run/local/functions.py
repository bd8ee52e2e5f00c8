"""The functions of expressions that are known here, and how results of expressions are spelled.

Source: `util/expr/env` of Argo.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from couler_plugins.caching.keys import go_json

__all__ = ["FUNCTIONS", "spelled"]

WHOLE = 2.0**53


def spelled(value: Any) -> str:
    """A value as the text that Argo makes of an expression's result."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    return go_json(value).decode("utf-8", "surrogatepass")


def _number(kind: type[int] | type[float]) -> Callable[[Any], Any]:
    return lambda value: kind(float(value)) if isinstance(value, str) and kind is float else kind(value)


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "asInt": _number(int),
    "asFloat": _number(float),
    "int": _number(int),
    "float": _number(float),
    "string": spelled,
    "len": len,
    "lower": str.lower,
    "upper": str.upper,
    "trim": str.strip,
    "toJson": lambda value: go_json(value).decode("utf-8", "surrogatepass"),
    "toJSON": lambda value: go_json(value).decode("utf-8", "surrogatepass"),
    "fromJSON": json.loads,
}
"""The functions that are known here."""
