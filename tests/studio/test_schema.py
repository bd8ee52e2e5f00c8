"""The JSON schema of the studio's messages is published, and the page's types are those of it."""

from __future__ import annotations

import json
import re

import pytest

from couler_plugins.studio.schema import json_schema
from support import ROOT

TYPES = ROOT / "studio" / "src" / "messages.ts"
RENAMED = {"StepRequest": "Work", "ConvertRequest": "Work", "GenerateRequest": "Generated"}
"""Requests that the page puts together itself."""


def test_the_published_schema_is_current() -> None:
    """Where this fails, `docs/generate.py` writes the new one."""
    published = ROOT / "docs" / "schema" / "couler.studio-v0.json"
    assert json.loads(published.read_text("utf-8")) == json.loads(json.dumps(json_schema()))


@pytest.mark.parametrize("name", sorted(set(json_schema()["$defs"]) - set(RENAMED) - {"RunRequest", "Message"}))
def test_the_page_knows_each_message(name: str) -> None:
    text = TYPES.read_text("utf-8")
    definition = json_schema()["$defs"][name]
    if "do" in definition["properties"]:
        (tag,) = definition["properties"]["do"]["enum"]
        (body,) = re.findall(rf'\{{ do: "{tag}";(.*?)\}}', text)
        fields = set(definition["properties"]) - {"do", "workflow", "graph"}
    else:
        (body,) = re.findall(rf"export type {name} = \{{(.*?)\}};", text, re.DOTALL)
        fields = set(definition["properties"])
    named = set(re.findall(r"(\w+)\??:", re.sub(r"\{[^}]*\}", "", body)))
    assert fields <= named, f"{name} in messages.ts lacks {sorted(fields - named)}"
