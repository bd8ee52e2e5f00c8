"""Checks documents against the CRDs that cover them: their schemas, defaults, lists, shapes, names and rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from couler_plugins.documents import Document, Remark
from couler_plugins.documents.mappings import without_empty
from couler_plugins.engine_kit.crd.crd import Schemas, Version, manifests
from couler_plugins.engine_kit.crd.fields import LIMITS, Problem, Schema, child, fields, places, shown
from couler_plugins.engine_kit.crd.messages import problems
from couler_plugins.engine_kit.crd.rules import broken_rules
from couler_plugins.errors import restating

# A CRD's schema as a JSON schema that refuses unknown fields.

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
    limits = {name: value for field, name in LIMITS.items() if (value := getattr(schema, field)) is not None}
    conditions = {
        "type": _types(schema),
        "required": schema.required,
        "format": schema.format.replace("datetime", "date-time") if schema.format in _FORMATS else None,
        **_range(schema),
        "allOf": [_nested(choice) for choice in schema.all_of],
        # That an integer or a string may have either type is said by their type already.
        "anyOf": [_nested(choice) for choice in (() if schema.int_or_string else schema.any_of)],
        "oneOf": [_nested(choice) for choice in schema.one_of],
    }
    negated = {} if schema.not_ is None else {"not": _nested(schema.not_)}
    return {**limits, **without_empty(conditions), **negated}


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


# Lists that are sets or mappings: no item, or no key, may occur twice.


def duplicates(schema: Schema, data: Any) -> Iterator[Problem]:
    """Every item of a list that repeats another, as `x-kubernetes-list-type` has it."""
    for path, list_schema, value in places(schema, data):
        if not isinstance(value, list) or list_schema.list_type not in ("set", "map"):
            continue
        seen: dict[bytes, int] = {}
        for index, item in enumerate(value):
            identity = _key(item, list_schema.list_keys) if list_schema.list_type == "map" else item
            first = seen.setdefault(msgspec.json.encode(identity, order="sorted"), index)
            if first != index:
                message = f"the items {first} and {index} of this list are the same: {shown(item)}"
                if list_schema.list_type == "map":
                    values = ", ".join(map(shown, identity.values()))
                    message = (
                        f"the items {first} and {index} have the same {' and '.join(list_schema.list_keys)}: {values}"
                    )
                yield Problem((*path, index), "duplicate", message, "remove one of them")


def _key(item: Any, names: list[str]) -> dict[str, Any]:
    return {name: item[name] for name in names if name in item} if isinstance(item, dict) else {}


# The object as an API server sees it when it checks it: without nulls that mean nothing, and with the defaults.


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


# Whether an object has the shape that its schema asks for.


def structural_check(schema: Schema) -> Callable[[Any], Iterator[Problem]]:
    """A function that finds what does not fit the schema.

    Raises:
        ValueError: the schema makes no sense.
        InvalidInput: jsonschema-rs is not installed.
    """
    with restating(
        ImportError,
        "a check against schemas needs the package jsonschema-rs, which is not installed",
        reason=False,
        extra="lint",
    ):
        from jsonschema_rs import Draft202012Validator, RegexOptions

    # Rust's own regular expressions are those of Go, the API server's: no look-around, linear time.
    options = RegexOptions()
    validator = Draft202012Validator(json_schema(schema), validate_formats=True, pattern_options=options)

    return lambda data: problems(validator.iter_errors(data), schema, data)


# What an object may be called.

_LONGEST = 253
_PART = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_PART}(\.{_PART})*")


def name_problems(data: dict[str, Any]) -> Iterator[Problem]:
    """What keeps an object from being created under its name; no schema says it, it holds for all of them."""
    metadata = data.get("metadata")
    if not isinstance(metadata, dict):
        return
    names = {key: metadata[key] for key in ("name", "generateName") if isinstance(metadata.get(key), str)}
    if not any(names.values()):
        yield Problem(("metadata",), "required", "there is neither a name nor a generateName", "add one of them")
    for key, name in names.items():
        # Something is put behind a prefix, so that it may end in a dash or a dot.
        whole = f"{name}x" if key == "generateName" else name
        if name and not (_SUBDOMAIN.fullmatch(whole) and len(name) <= _LONGEST):
            hint = f"up to {_LONGEST} lower case letters, digits, dashes and dots, with a letter or digit at either end"
            yield Problem(("metadata", key), "name", f"{shown(name)} cannot be the name of an object", hint)


_Check = Callable[[Any], Iterator[Problem]]


def covered(document: Document, schemas: Schemas) -> bool:
    """Whether some CRD defines the kind of an object in the document."""
    return any(schemas.versions(data) for _, data in manifests(document.data))


def check(documents: Iterable[Document], schemas: Schemas) -> Iterator[Remark]:
    """What an API server with these CRDs would refuse; objects of other kinds are left alone.

    Raises:
        InvalidInput: a schema is none, or a package that is needed is not installed.
    """
    for number, document in enumerate(documents):
        for path, data in manifests(document.data):
            versions = schemas.versions(data)
            for problem in _problems(data, versions) if versions else ():
                place = (*path, *problem.path)
                yield Remark(number, place, problem.severity, problem.code, problem.message, problem.hint)


def _problems(data: dict[str, Any], versions: Mapping[str, Version]) -> Iterator[Problem]:
    name = str(data.get("apiVersion")).rpartition("/")[2]
    served = [version.name for version in versions.values() if version.served]
    if name not in served:
        message = f"{data.get('kind')} has no version {name!r}"
        yield Problem(("apiVersion",), "unknown-version", message, f"it is served as {', '.join(served) or 'nothing'}")
    else:
        yield from _check_of(versions[name])(data)


@lru_cache(maxsize=16)  # a large schema takes a fifth of a second to prepare; an engine has about that many kinds
def _check_of(version: Version) -> _Check:
    schema = version.schema()
    try:
        structural = structural_check(schema)
    except ValueError as error:
        raise version.wrong(error) from error

    def run(data: Any) -> Iterator[Problem]:
        data = completed(data, schema)
        misshapen = list(structural(data))
        yield from misshapen
        yield from name_problems(data)
        yield from duplicates(schema, data)
        # An API server does not even try its rules then: those that cannot be worked out may be good ones.
        yield from (problem for problem in broken_rules(schema, data) if problem.code == "rule" or not misshapen)

    return run
