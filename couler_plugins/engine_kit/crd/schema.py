"""The schemas that CustomResourceDefinitions are written in: a part of OpenAPI, and Kubernetes' own additions."""

from __future__ import annotations

from typing import Any

import msgspec


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
