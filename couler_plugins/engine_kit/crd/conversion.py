"""A CRD's schema as a JSON schema that refuses unknown fields."""

from __future__ import annotations

from typing import Any

from couler_plugins.engine_kit.crd.fields import fields
from couler_plugins.engine_kit.crd.schema import LIMITS, Schema

__all__ = ["json_schema"]

_RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
_FORMATS = {"date", "date-time", "datetime", "ipv4", "ipv6"}
"""The formats that JSON schema and Go understand alike; the rest is not looked at."""


def json_schema(schema: Schema, *, within_open: bool = False) -> dict[str, Any]:
    """The JSON schema.

    Args:
        schema: a schema that names its fields (one inside of `anyOf` and the like only adds conditions).
        within_open: whether it is that of the items of a list which keeps unknown fields.
    """
    result = _conditions(schema)
    is_open = schema.open or within_open
    holds_fields = schema.type in ("", "object") and not schema.int_or_string
    if holds_fields:  # even where there are none: without `properties`, the library does not say which are unknown
        result["properties"] = {name: json_schema(inner) for name, inner in fields(schema).items()}
    if schema.embedded:
        result["required"] = sorted({"apiVersion", "kind", *schema.required})
    if isinstance(schema.additional_properties, Schema):
        result["additionalProperties"] = json_schema(schema.additional_properties)
    elif holds_fields and not is_open and not schema.additional_properties:
        result["additionalProperties"] = False
    if schema.items is not None:
        result["items"] = json_schema(schema.items, within_open=is_open)
    return result


def _conditions(schema: Schema) -> dict[str, Any]:
    """All that a schema says of a value but which fields there are."""
    result: dict[str, Any] = {
        name: value for field, name in LIMITS.items() if (value := getattr(schema, field)) is not None
    }
    if types := _types(schema):
        result["type"] = types
    if schema.required:
        result["required"] = schema.required
    if schema.enum is not None:
        result["enum"] = schema.enum
    if schema.format in _FORMATS:
        result["format"] = schema.format.replace("datetime", "date-time")
    result.update(_range(schema))
    for name, choices in (("allOf", schema.all_of), ("anyOf", schema.any_of), ("oneOf", schema.one_of)):
        # That an integer or a string may have either type is said by their type already.
        if choices and not (schema.int_or_string and name == "anyOf"):
            result[name] = [_nested(choice) for choice in choices]
    if schema.not_ is not None:
        result["not"] = _nested(schema.not_)
    return result


def _nested(schema: Schema) -> dict[str, Any]:
    result = _conditions(schema)
    if schema.properties:
        result["properties"] = {name: _nested(inner) for name, inner in schema.properties.items()}
    if isinstance(schema.additional_properties, Schema):
        result["additionalProperties"] = _nested(schema.additional_properties)
    if schema.items is not None:
        result["items"] = _nested(schema.items)
    return result


def _types(schema: Schema) -> list[str]:
    types = ["integer", "string"] if schema.int_or_string else [schema.type] if schema.type else []
    return [*types, "null"] if types and schema.nullable else types


def _range(schema: Schema) -> dict[str, Any]:
    bounds = _RANGES.get(schema.format, ()) if schema.type == "integer" else ()
    low = max((value for value in (schema.minimum, *bounds[:1]) if value is not None), default=None)
    high = min((value for value in (schema.maximum, *bounds[1:]) if value is not None), default=None)
    names = (
        "exclusiveMinimum" if schema.exclusive_minimum else "minimum",
        "exclusiveMaximum" if schema.exclusive_maximum else "maximum",
    )
    return {name: value for name, value in zip(names, (low, high), strict=True) if value is not None}
