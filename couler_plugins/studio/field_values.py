"""Values of the IR as forms show them."""

from __future__ import annotations

from typing import Any

from couler_plugins.editing.actions import Scalar
from couler_plugins.engine_kit.legalize.conditions import memberships
from couler_plugins.ir import Literal, Native, Reference, Value
from couler_plugins.studio.messages import FormField
from couler_plugins.viz.diagrams.labels import describe

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


def comparison_of(condition: Value | None) -> dict[str, Scalar] | None:
    """Return a condition as a comparison; None where it is more than one."""
    members = memberships(condition) if condition is not None else None
    if not members or len(members) != 1 or len(members[0].among) != 1:
        return None
    source = reference_text(members[0].value)
    if source is None:
        return None
    return {"left": source, "op": "!=" if members[0].negated else "==", "right": members[0].among[0]}


def items_of(values: Value | None) -> Any:
    """Return the items of a loop, or the reference that gives them; None where they are computed."""
    if isinstance(values, Native) and all(isinstance(part, str) for part in values.parts):
        data = values.data
        return data if isinstance(data, list) and not any(isinstance(item, dict | list) for item in data) else None
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
