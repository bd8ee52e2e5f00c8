"""The object as an API server sees it when it checks it: without nulls that mean nothing, and with the defaults."""

from __future__ import annotations

from typing import Any

from couler_plugins.engine_kit.crd.fields import child, fields
from couler_plugins.engine_kit.crd.schema import Schema

__all__ = ["completed"]


def completed(value: Any, schema: Schema | None) -> Any:
    """A copy in which a null stands for the default, or for nothing, where the schema does not allow a null."""
    if schema is None:
        return value
    if isinstance(value, list):
        inner = schema.items
        return [completed(_or_default(item, inner), inner) for item in value]
    if not isinstance(value, dict):
        return value
    result = {}
    for key, item in value.items():
        inner = child(schema, key)
        filled = _or_default(item, inner)
        if filled is not None or inner is None or inner.nullable:
            result[key] = completed(filled, inner)
    for key, inner in fields(schema).items():
        if key not in result and inner.default is not None:
            result[key] = completed(inner.default, inner)
    return result


def _or_default(value: Any, schema: Schema | None) -> Any:
    return schema.default if value is None and schema is not None and not schema.nullable else value
