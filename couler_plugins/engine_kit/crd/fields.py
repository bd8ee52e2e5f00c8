"""Fields of a schema, those that every Kubernetes object has, and problems at a place of a document.

The schemas that CustomResourceDefinitions are written in: a part of OpenAPI, and Kubernetes' own additions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from couler_plugins.documents import Path


class Rule(msgspec.Struct, frozen=True, eq=False, rename="camel"):
    """One of `x-kubernetes-validations`: an expression that holds for every good value."""

    rule: str
    message: str = ""
    message_expression: str = ""
    field_path: str = ""


class Schema(msgspec.Struct, frozen=True, eq=False, rename="camel"):
    """The schema of one value; without a default is one whose `default` is None, as for the API server."""

    type: str = ""
    format: str = ""
    nullable: bool = False
    default: Any = None
    enum: list[Any] | None = None
    properties: dict[str, Schema] = {}
    required: list[str] = []
    additional_properties: Schema | bool | None = None
    items: Schema | None = None
    all_of: list[Schema] = []
    any_of: list[Schema] = []
    one_of: list[Schema] = []
    not_: Schema | None = msgspec.field(name="not", default=None)
    pattern: str | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    unique_items: bool | None = None
    min_properties: int | None = None
    max_properties: int | None = None
    multiple_of: int | float | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    int_or_string: bool = msgspec.field(name="x-kubernetes-int-or-string", default=False)
    embedded: bool = msgspec.field(name="x-kubernetes-embedded-resource", default=False)
    open: bool = msgspec.field(name="x-kubernetes-preserve-unknown-fields", default=False)
    list_type: str = msgspec.field(name="x-kubernetes-list-type", default="atomic")
    list_keys: list[str] = msgspec.field(name="x-kubernetes-list-map-keys", default_factory=list)
    rules: list[Rule] = msgspec.field(name="x-kubernetes-validations", default_factory=list)


LIMITS = {
    "pattern": "pattern",
    "min_length": "minLength",
    "max_length": "maxLength",
    "min_items": "minItems",
    "max_items": "maxItems",
    "unique_items": "uniqueItems",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
    "multiple_of": "multipleOf",
    "enum": "enum",
}
"""The fields that say the same in JSON schema, with their names there."""


_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_TIME = {"type": "string", "format": "date-time"}
_SWITCH = {"type": "boolean"}
_SECONDS = {"type": "integer", "format": "int64"}
_LABEL = {"type": "string", "maxLength": 63, "pattern": "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"}
_OWNER = {
    "type": "object",
    "required": ["apiVersion", "kind", "name", "uid"],
    "properties": {
        **dict.fromkeys(("apiVersion", "kind", "name", "uid"), _TEXT),
        **dict.fromkeys(("controller", "blockOwnerDeletion"), _SWITCH),
    },
}
_METADATA = msgspec.convert(
    {
        "type": "object",
        "properties": {
            **dict.fromkeys(("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"), _TEXT),
            **dict.fromkeys(("creationTimestamp", "deletionTimestamp"), _TIME),
            **dict.fromkeys(("generation", "deletionGracePeriodSeconds"), _SECONDS),
            "labels": {"type": "object", "additionalProperties": _LABEL},
            "annotations": {"type": "object", "additionalProperties": _TEXT},
            "finalizers": _TEXTS,
            "ownerReferences": {"type": "array", "items": _OWNER},
            "managedFields": {
                "type": "array",
                "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        },
    },
    Schema,
)
"""ObjectMeta. A schema in a CRD says `type: object` of it, and at most limits the name."""


def fields(schema: Schema) -> Mapping[str, Schema]:
    """The fields that a schema knows by name."""
    if not schema.embedded:
        return schema.properties
    text = Schema(type="string", min_length=1)
    own = schema.properties.get("metadata", _METADATA)
    metadata = msgspec.structs.replace(_METADATA, properties=_METADATA.properties | own.properties)
    return {"apiVersion": text, "kind": text, **schema.properties, "metadata": metadata}


def child(schema: Schema, key: str | int) -> Schema | None:
    """The schema of the value at a key or an index; None where nothing is said of it."""
    if isinstance(key, int):
        return schema.items
    named = fields(schema).get(key)
    if named is not None:
        return named
    return schema.additional_properties if isinstance(schema.additional_properties, Schema) else None


def schema_at(schema: Schema, path: Path) -> Schema:
    """The schema of a place, or an empty one where nothing is said of it."""
    for key in path:
        schema = child(schema, key) or Schema()
    return schema


def places(schema: Schema, data: Any) -> Iterator[tuple[Path, Schema, Any]]:
    """Every value that a schema says something of, from the outside to the inside."""
    pending: list[tuple[Path, Schema, Any]] = [((), schema, data)]
    while pending:
        path, schema, value = pending.pop()
        yield path, schema, value
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in pairs:
            existing = child(schema, key)
            if existing is not None:
                pending.append(((*path, key), existing, inner))


_LONGEST = 60


class Problem(NamedTuple):
    """One thing that an API server would refuse, at a path from the object's own root.

    Attributes:
        path: the place.
        code: the kind of problem, in kebab-case.
        message: what is wrong, in one sentence.
        hint: what to do about it.
        severity: `note` for what could not be looked at.
    """

    path: Path
    code: str
    message: str
    hint: str = ""
    severity: Literal["error", "note"] = "error"


def shown(value: Any) -> str:
    """A value as it reads in a message."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
