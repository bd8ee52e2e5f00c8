"""The schema of workflows changes with its version only: programs in other languages are built on it."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import pytest

from couler_plugins.ir import SCHEMA, from_json, json_schema, to_json
from ir.small import diamond

DIGESTS = {"couler.ir/v1": "efbb5cc556d42258"}
"""What each version says. A change of the schema is a new version, and a new row; old rows stay."""


def digest_of(schema: dict[str, Any]) -> str:
    """The digest of a schema, without what is said for people."""
    return hashlib.sha256(json.dumps(_bare(schema)).encode()).hexdigest()[:16]


def _bare(node: Any) -> Any:
    if isinstance(node, list):
        return [_bare(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _bare(value) for key, value in node.items() if not (key == "description" and isinstance(value, str))}
    if "properties" in node:  # the order in which fields are written is part of it: bytes are compared
        kept["properties"] = [[name, _bare(kind)] for name, kind in node["properties"].items()]
    return dict(sorted(kept.items()))


def test_the_schema_is_what_its_version_says() -> None:
    """Where this fails, give `couler_plugins.ir.serial.SCHEMA` a new version, and add its row here."""
    assert digest_of(json_schema()) == DIGESTS[SCHEMA]


CHANGES = {
    "a new field": lambda step: step["properties"].update(colour={"type": "string"}),
    "a field less": lambda step: step["properties"].pop("timeout"),
    "another type": lambda step: step["properties"].update(name={"type": "integer"}),
    "another default": lambda step: step["properties"]["role"].update(default="setup"),
    "a field that has to be there": lambda step: step["required"].append("needs"),
    "another order": lambda step: step.update(properties=dict(reversed(step["properties"].items()))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_without_a_version_fails(change: str) -> None:
    schema = copy.deepcopy(json_schema())
    CHANGES[change](schema["$defs"]["Step"])
    assert digest_of(schema) != DIGESTS[SCHEMA]


def test_words_for_people_may_change() -> None:
    schema = copy.deepcopy(json_schema())
    schema["$defs"]["Step"]["description"] = "other words"
    assert digest_of(schema) == DIGESTS[SCHEMA]


def test_files_of_the_version_before_are_read() -> None:
    before = to_json(diamond()).replace(b"couler.ir/v1", b"couler.ir/v0")
    assert from_json(before) == diamond()
