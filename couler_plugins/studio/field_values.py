"""Values of the IR as forms show them."""

from __future__ import annotations

import json
import re
from typing import Any

from couler_plugins.driver.rewrite import Session
from couler_plugins.editing.actions import Scalar
from couler_plugins.editing.native import native_condition
from couler_plugins.engine_kit.legalize.conditions import memberships
from couler_plugins.errors import CoulerError
from couler_plugins.ir import Literal, Native, Reference, Value, references
from couler_plugins.studio.messages import FormField
from couler_plugins.viz.diagrams.labels import describe

QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
COMPUTED = "it is computed; change it in the file"


def with_value(field: FormField, value: Value | None) -> FormField:
    """Return a field with the text of a value; one that is computed cannot be edited."""
    if value is None or isinstance(value, Literal):
        field.value = None if value is None else value.value
    else:
        field.value, field.editable, field.reason = describe(value), False, COMPUTED
    return field


def text_of(value: Value | None) -> str | None:
    """Return a constant as text; None for what is none."""
    return str(value.value) if isinstance(value, Literal) else None


def comparison_of(condition: Value | None, engine: str, session: Session) -> dict[str, Scalar] | None:
    """Return a condition as a comparison; None where it is more than one."""
    members = memberships(condition) if condition is not None else None
    if members is None and condition is not None:
        return _own_comparison(condition, engine, session)
    if not members or len(members) != 1 or len(members[0].among) != 1:
        return None
    source = reference_text(members[0].value)
    if source is None:
        return None
    return {"left": source, "op": "!=" if members[0].negated else "==", "right": members[0].among[0]}


def _own_comparison(condition: Value, engine: str, session: Session) -> dict[str, Scalar] | None:
    """A comparison in the engine's own language, as actions write it there."""
    operands, texts = {*references(condition)}, QUOTED.findall(describe(condition))
    if len(operands) != 1 or not texts:
        return None
    (reference,) = operands
    source = reference_text(reference)
    try:
        right = json.loads(texts[-1])
        for op in ("==", "!=") if source is not None else ():
            if native_condition(reference, op, right, engine, session) == condition:
                return {"left": source or "", "op": op, "right": right}
    except (CoulerError, ValueError):
        pass  # it is written otherwise
    return None


def items_of(values: Value | None) -> Any:
    """Return the items of a loop, or the reference that gives them; None where they are computed."""
    if isinstance(values, Native) and all(isinstance(part, str) for part in values.parts):
        data = values.data
        if not isinstance(data, list) or any(isinstance(item, dict | list) or "\n" in str(item) for item in data):
            return None  # a form has an item a line
        return data
    return reference_text(values)


def given_value(value: Value | None) -> Any:
    """Return what an input is given: a constant, or a reference; None where it is computed."""
    if isinstance(value, Literal):
        return value.value
    source = reference_text(value)
    return {"from": source} if source is not None else None


def reference_text(value: Value | None) -> str | None:
    """Return a reference as actions write it; None where it is more than that."""
    match value:
        case Reference(to="parameter" | "input", path=()):
            return f"inputs.{value.name}"
        case Reference(to="item", path=()):
            return "item"
        case Reference(to="output", path=()) if value.step and value.name:
            return f"{value.step}.{value.name}"
    return None
