"""JSON schemas for editors: of the settings in `couler.toml`, and of the annotations that owners write."""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Mapping
from typing import Any

from couler_argo.cache.cache import MAX_ITEMS, MAX_OUTPUT
from couler_plugins.caching import row_keys
from couler_plugins.caching.declarations import ALLOW, CACHE, DATASET, PLACE, VERSION
from couler_plugins.fusion import rules as fusing
from couler_plugins.hpo.files import ANNOTATION as TUNE
from couler_plugins.ir.descriptions import meanings_of
from couler_plugins.options.config import Config, Depth
from couler_plugins.options.fields import Option, options_of
from couler_plugins.options.prices import Price
from couler_plugins.options.rows import REASON, SELECTORS
from couler_plugins.queues import rules as queues
from couler_plugins.reliability import rules as guarding
from couler_plugins.rightsizing import rules as sizing

DRAFT = "http://json-schema.org/draft-07/schema#"
ROWS: dict[str, Mapping[str, Any]] = {
    "cache": row_keys.KNOWN,
    "fuse": fusing.KEYS,
    "guard": guarding.KEYS,
    "queue": queues.KEYS,
    "rightsize": sizing.KEYS,
}
"""The keys of rows, with their types, by the optimizer that they are for."""
TYPES = {
    bool: "boolean",
    dict: "object",
    float: "number",
    int: "integer",
    list: "array",
    str: "string",
    Depth: "integer",
}
NEVER = {"enum": ["never"]}
TEXT: dict[str, Any] = {"type": "string"}
COUNT = {"type": "string", "pattern": "^[0-9]+$"}
OF_STEPS = {
    CACHE: {"type": "string", "pattern": "^(pure|always|never|native|ttl=([0-9]+[smhd])+)$"},
    ALLOW: TEXT,
    guarding.IDEMPOTENT: {"enum": list(guarding.WORDS)},
    guarding.GUARD: NEVER,
    fusing.FUSE: NEVER,
    fusing.ALLOW: TEXT,
    TUNE: TEXT,
}
"""Annotations that may be about one step, too, whose name is then behind theirs."""
ANNOTATIONS = {
    **OF_STEPS,
    VERSION: TEXT,
    row_keys.NAMES["inputs"]: TEXT,
    row_keys.NAMES["outputs"]: TEXT,
    MAX_OUTPUT: COUNT,
    MAX_ITEMS: COUNT,
    sizing.ANNOTATION: {"enum": list(sizing.WORDS)},
}
NAMED = {DATASET: TEXT, PLACE: {"enum": ["in", "out", "in,out", "out,in"]}, row_keys.GROUPS["workspaces"]: TEXT}
"""Annotations that end with the name of an input or a workspace."""


def settings_schema() -> str:
    """Return the schema of `couler.toml`, and of `[tool.couler]` in a `pyproject.toml`."""
    tables = {
        name: _table({**dict.fromkeys(SELECTORS, _texts()), REASON: TEXT, **_keys(keys)}) for name, keys in ROWS.items()
    }
    prices = {"type": "array", "items": _object(_options(Price))}
    others = {"required": ["declare"], **_object({"declare": {"type": "array", "items": {"type": "object"}}})}
    properties = {**_options(Config), "prices": prices, **tables}
    return _written({**_object(properties), "title": "Settings of couler", "additionalProperties": others})


def annotations_schema() -> str:
    """Return the schema of annotations: of the mapping, with those of others in it."""
    steps = {f"^{re.escape(name)}\\.": rule for name, rule in OF_STEPS.items()}
    named = {f"^{re.escape(prefix)}": rule for prefix, rule in NAMED.items()}
    patterns = {"properties": ANNOTATIONS, "patternProperties": {**steps, **named}}
    return _written({"title": "Annotations of couler", "type": "object", **patterns})


def _written(schema: dict[str, Any]) -> str:
    return json.dumps({"$schema": DRAFT, **schema}, indent=2, sort_keys=True) + "\n"


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _table(properties: dict[str, Any]) -> dict[str, Any]:
    return _object({"declare": {"type": "array", "items": _object(properties)}})


def _texts() -> dict[str, Any]:
    return {"type": ["string", "array"], "items": TEXT}


def _keys(keys: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {key: kind if isinstance(kind, tuple) else (kind,) for key, kind in keys.items()}
    return {key: {"type": [TYPES[one] for one in kind]} for key, kind in kinds.items()}


def _options(cls: type) -> dict[str, Any]:
    """Return the options of a class by name, each with what its docstring says."""
    texts = meanings_of(cls)
    return {name: {**_option(option), "description": texts[option.field]} for name, option in options_of(cls).items()}


def _option(option: Option) -> dict[str, Any]:
    kind = next((item for item in typing.get_args(option.type) if typing.get_origin(item) is tuple), option.type)
    if typing.get_origin(kind) is tuple:
        return _texts()
    if typing.get_origin(kind) is typing.Literal:
        return {"enum": list(typing.get_args(kind))}
    plain = next((item for item in typing.get_args(kind) if item is not type(None)), kind)
    return {"type": TYPES.get(plain, ["string", "integer"])}
