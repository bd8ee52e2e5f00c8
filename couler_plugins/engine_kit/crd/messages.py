"""What the JSON schema library finds, as people say it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any

from couler_plugins.documents import Path
from couler_plugins.engine_kit.crd.fields import Problem, Schema, fields, schema_at, shown
from couler_plugins.errors import closest

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

_TYPES = {
    "string": "a text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
_LIMITS = {
    "maxItems": ("too-many-items", "items", "at most {} allowed", "leave some out, or divide them"),
    "minItems": ("too-few-items", "items", "at least {} needed", "add some, or leave the field out"),
    "maxProperties": ("too-many-fields", "fields", "at most {} allowed", "leave some out"),
    "minProperties": ("too-few-fields", "fields", "at least {} needed", "add some, or leave the field out"),
    "maxLength": ("too-long", "characters", "at most {} allowed", "shorten it"),
    "minLength": ("too-short", "characters", "at least {} needed", "fill it in, or leave the field out"),
    "maximum": ("too-large", "", "at most {} allowed", "give a smaller number"),
    "minimum": ("too-small", "", "at least {} needed", "give a larger number"),
    "exclusiveMaximum": ("too-large", "", "less than {} allowed", "give a smaller number"),
    "exclusiveMinimum": ("too-small", "", "more than {} needed", "give a larger number"),
}
"""By keyword: our code for it, what is counted (where something is), what is allowed, and what to do."""

_FEW = 12
"""How many names a message lists."""


def problems(errors: Iterable[ValidationError], schema: Schema, data: Any) -> Iterator[Problem]:
    """The problems of an object, with paths from its root."""
    for error in errors:
        path = tuple(error.instance_path)
        value = reduce(getitem, path, data)
        keyword = str(error.schema_path[-1])
        if keyword == "additionalProperties":
            names = fields(schema_at(schema, path))
            yield from (_unknown(path, name, names) for name in _kind(error).unexpected)
        elif keyword in _LIMITS:
            yield _beyond(path, keyword, value, _kind(error).limit)
        else:
            yield Problem(path, *_said(keyword, value, error))


def _said(keyword: str, value: Any, error: ValidationError) -> tuple[str, str, str]:
    """The code, the message and the hint of an error that needs no more than its value."""
    kind = _kind(error)
    match keyword:
        case "required":
            return "required", f"the field {kind.property!r} is missing", "add it"
        case "type":
            return "wrong-type", *_wrong_type(kind.types, value)
        case "enum":
            return "enum", *_not_among(kind.options, value)
        case "pattern":
            return "pattern", f"{shown(value)} does not match the pattern {kind.pattern}", "change it so that it does"
        case "format":
            return "format", f"{shown(value)} is no {kind.format}", "write it as one"
        case "multipleOf":
            return "multiple-of", f"{shown(value)} is no multiple of {kind.multiple_of}", "round it"
        case "uniqueItems":
            return "duplicate", "two items are the same", "remove one of them"
        case "anyOf" | "oneOf" if names := _missing_fields(kind.context):
            return "required", f"one of the fields {', '.join(names)} has to be there", "add one"
        case _:
            return "condition", f"{shown(value)} does not meet a condition of the schema: {keyword}", _reasons(kind)


def _unknown(path: Path, name: str, names: Iterable[str]) -> Problem:
    return Problem(
        (*path, name),
        "unknown-field",
        f"there is no field {name!r} here",
        _closest(name, names) or (f"the fields here are {_listed(sorted(names))}" if names else "leave it out"),
    )


def _beyond(path: Path, keyword: str, value: Any, limit: Any) -> Problem:
    code, unit, allowed, hint = _LIMITS[keyword]
    size = f"has {len(value):,} {unit}" if unit else f"is {shown(value)}"
    return Problem(path, code, f"this {size}, {allowed.format(f'{limit:,}')}", hint)


def _wrong_type(types: list[str], value: Any) -> tuple[str, str]:
    message = f"this has to be {' or '.join(_TYPES.get(name, name) for name in types)}, but is {_described(value)}"
    if "string" in types and isinstance(value, (bool, int, float)):
        return message, f'put it in quotes: "{shown(value)}"'
    if isinstance(value, str) and {"integer", "number", "boolean"} & set(types):
        return message, "write it without quotes"
    if "array" in types:
        return message, "write it as an item of a list, after a dash"
    return message, "change it, or leave it out"


def _not_among(options: list[Any], value: Any) -> tuple[str, str]:
    names = [option for option in options if isinstance(option, str)]
    hint = _closest(value, names) if isinstance(value, str) else ""
    return f"{shown(value)} is none of {_listed([shown(option) for option in options])}", hint or "choose one of them"


def _missing_fields(context: list[list[ValidationError]]) -> list[str]:
    """The fields of which one is needed, where each choice asks for one field and nothing else; else none."""
    first = [errors[0] for errors in context if errors]
    missing = [_kind(error).property for error in first if error.schema_path[-1] == "required"]
    return missing if len(missing) == len(context) else []


def _reasons(kind: Any) -> str:
    first = [errors[0].message for errors in getattr(kind, "context", ()) if errors]
    return f"remove one of these: {'; '.join(first)}" if first else "see the engine's own documentation"


def _closest(name: str, choices: Iterable[str]) -> str:
    choices = list(choices)
    same = [other for other in choices if other.casefold() == name.casefold()]
    return f"did you mean {same[0]!r}?" if same else closest(name, choices)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_FEW]) + (", …" if len(names) > _FEW else "")


def _described(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"the text {shown(value)}"
    return "empty" if value is None else shown(value)


def _kind(error: ValidationError) -> Any:
    """What the error knows; its fields depend on the keyword."""
    return error.kind
