"""Values as JSON that tells any two apart which a task could tell apart: what keys are made of.

Each form names its kind, so that no value passes for another one: 1, True, "1" and 1.0 are four. Nothing is pickled.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import fractions
import pathlib
import re
import types
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from couler_airflow.fingerprints.modules import label_of, module_of
from couler_airflow.uncacheable import Uncacheable
from couler_plugins.caching.keys import digest, go_json

__all__ = ["Form", "serialized_form", "too_deep", "value_form"]

Form = Callable[[Any], Any]
"""The form of what a value is made of."""

DEEPEST = 200
PLAIN = (decimal.Decimal, fractions.Fraction, uuid.UUID, pathlib.PurePath, range, complex)
"""Values whose `repr` says all of them."""


def value_form(value: Any, form: Form) -> Any:
    """The form of a value; None where it is none of what this knows.

    Args:
        value: the value.
        form: gives the form of what is in it.
    """
    kind = type(value)
    if value is None or value is ... or value is NotImplemented:
        return ["singleton", repr(value)]
    if kind is bool or kind is str:
        return [kind.__name__, value]
    if kind is int:
        return ["int", hex(value)]
    if kind is float:
        return ["float", value.hex()]
    if kind in (bytes, bytearray):
        return [kind.__name__, bytes(value).hex()]
    if kind in (list, tuple):
        return [kind.__name__, [form(item) for item in value]]
    if kind in (set, frozenset):
        return [kind.__name__, sorted((form(item) for item in value), key=go_json)]
    if kind is dict or kind is types.MappingProxyType:
        return ["dict", [[form(key), form(item)] for key, item in value.items()]]  # their order can be seen
    return _of_libraries(value, kind, form)


def _of_libraries(value: Any, kind: type, form: Form) -> Any:
    if isinstance(value, enum.Enum):
        return ["enum", form(kind), value.name, form(value.value)]
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        zone = getattr(value, "tzinfo", None)
        folded = getattr(value, "fold", 0)
        return ["time", _name(kind), value.isoformat(), None if zone is None else str(zone), folded]
    if isinstance(value, datetime.timedelta):
        return ["timedelta", value.days, value.seconds, value.microseconds]
    if isinstance(value, datetime.tzinfo):
        return ["timezone", _name(kind), str(value)]
    if isinstance(value, PLAIN):
        return ["plain", _name(kind), repr(value)]
    if isinstance(value, re.Pattern):
        return ["pattern", form(value.pattern), value.flags]
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return ["namedtuple", form(kind), [form(item) for item in value]]
    if isinstance(value, Mapping) and module_of(kind).startswith("airflow."):
        return ["mapping", _name(kind), [[form(key), form(value[key])] for key in value]]
    if isinstance(value, Sequence) and module_of(kind).startswith("airflow."):
        return ["list", [form(item) for item in value]]  # what a task before this one has returned, fetched now
    if module_of(kind).startswith("airflow."):
        return None
    if dataclasses.is_dataclass(kind):
        return ["dataclass", form(kind), [[f.name, form(getattr(value, f.name))] for f in dataclasses.fields(value)]]
    if hasattr(kind, "__attrs_attrs__"):
        return ["attrs", form(kind), [[a.name, form(getattr(value, a.name))] for a in kind.__attrs_attrs__]]
    return None


def serialized_form(value: Any) -> Any:
    """The form of a value by what Airflow makes of it for XComs: frames, arrays and models.

    Raises:
        Uncacheable: Airflow makes nothing of it.
    """
    from couler_airflow.codec import encode

    kind = type(value)
    text = encode(value).decode("utf-8", "surrogatepass")
    return ["xcom", _name(kind), digest(text.replace(f'"{module_of(kind)}.', f'"{label_of(module_of(kind))}.'))]


def _name(kind: type) -> str:
    return f"{label_of(module_of(kind))}.{kind.__qualname__}"


def too_deep(depth: int) -> None:
    """Refuses values that are nested more deeply than anybody writes.

    Raises:
        Uncacheable: so deep is it.
    """
    if depth > DEEPEST:
        raise Uncacheable("a value is nested too deeply for a key")
