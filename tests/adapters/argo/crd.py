"""Argo's CRDs as strict JSON schemas: what the API server of a cluster would say, with unknown fields refused.

Where the CRDs are not there, Hera's models stand in, which are made from Argo's API: they know fields and types, but no
limits and no patterns.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import Any

import jsonschema_rs

from adapters.argo.objects import objects
from support import SHARED

__all__ = ["violations"]


def violations(data: Any) -> Counter[str]:
    """What the CRDs have against the Argo objects of a document: messages with the path's names, counted."""
    found: Counter[str] = Counter()
    for item in objects(data):
        for error in _validator(item["kind"]).iter_errors(item):
            place = "/".join("*" if isinstance(key, int) else str(key) for key in error.instance_path)
            found[f"{place}: {error.message}"] += 1
    return found


@cache
def _validator(kind: str) -> Any:
    name = f"argoproj.io_{kind.lower()}s.crd.json"
    path = SHARED / "schemas" / "argo" / name
    if not path.exists():
        return jsonschema_rs.validator_for(_closed(_models().__dict__[kind].model_json_schema(by_alias=True)))
    (version,) = json.loads(path.read_text())["spec"]["versions"]
    return jsonschema_rs.validator_for(_strict(version["schema"]["openAPIV3Schema"]))


def _models() -> Any:
    from hera.workflows import models

    return models


def _closed(schema: Any) -> Any:
    """A JSON schema of models that allows their own fields only, and no null in the place of one."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    options = [option for option in schema.get("anyOf", ()) if option != {"type": "null"}]
    if len(options) == 1:
        return _closed(options[0])
    if schema.get("title") == "Quantity":
        return {"type": ["number", "string"]}
    closed = {key: _closed(inner) for key, inner in schema.items()}
    return {"additionalProperties": False, **closed} if schema.get("properties") and "type" in schema else closed


def _strict(schema: Any) -> Any:
    """An openAPIV3Schema as a JSON schema that allows the named properties only."""
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    kept = ("type", "enum", "pattern", "required", "maxItems", "minItems", "maxLength", "minLength", "minimum")
    strict = {key: schema[key] for key in kept if key in schema}
    for key in ("items", "additionalProperties"):
        if key in schema:
            strict[key] = _strict(schema[key])
    if "properties" in schema:
        strict["properties"] = {name: _strict(inner) for name, inner in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields") and "additionalProperties" not in schema:
            strict["additionalProperties"] = False
    return strict
