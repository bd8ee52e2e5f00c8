"""Values as the rules of a CRD see them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from couler_plugins.engine_kit.crd.fields import fields
from couler_plugins.engine_kit.crd.schema import Schema

__all__ = ["cel_value"]

_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_SPECIAL = re.compile(r"__|[./-]")
_RESERVED = {
    *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import"),
    *("let", "loop", "package", "namespace", "return"),
}


def cel_value(value: Any, schema: Schema | None) -> Any:
    """The value with its fields named as rules name them; only fields of the schema can be seen, and no nulls."""
    if schema is None:
        return value
    if isinstance(value, list):
        return [cel_value(item, schema.items) for item in value]
    if isinstance(value, dict):
        return _mapping(value, schema)
    if schema.type == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if schema.format in ("date", "date-time", "datetime") and isinstance(value, str):
        return _time(value)
    return value


def _mapping(value: dict[str, Any], schema: Schema) -> dict[str, Any]:
    declared = fields(schema)
    if declared:
        present = [(name, inner) for name, inner in declared.items() if value.get(name) is not None]
        return {_escaped(name): cel_value(value[name], inner) for name, inner in present}
    inner = schema.additional_properties
    return {key: cel_value(item, inner if isinstance(inner, Schema) else None) for key, item in value.items()}


def _escaped(name: str) -> str:
    if name in _RESERVED:
        return f"__{name}__"
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], name)


def _time(text: str) -> Any:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:  # what is wrong with it is the structural check's to say
        return text
    return time if time.tzinfo else time.replace(tzinfo=UTC)
