"""The JSON schemas for editors allow what the program reads, and mark what it refuses."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.options.config import load_config, settings
from couler_plugins.options.rows import REASON, SELECTORS
from couler_plugins.plugins import OPTIMIZERS, load_plugins
from support import ROOT

SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "schema" / "couler.toml.json").read_text("utf-8"))
ANNOTATIONS: dict[str, Any] = json.loads((ROOT / "docs" / "schema" / "annotations.json").read_text("utf-8"))
PAGES = sorted((ROOT / "docs").glob("*.md"))


def marks(table: object, schema: dict[str, Any] = SCHEMA) -> bool:
    return not jsonschema_rs.is_valid(schema, table)


def settings_on_pages() -> Iterator[Any]:
    """Settings in the documentation, and those of the examples from the field."""
    for page in PAGES:
        for block in re.findall(r"^```toml\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL):
            if "declare]]" in block or "prices]]" in block or re.search("^pipeline = ", block, re.MULTILINE):
                table = tomllib.loads(block)
                yield pytest.param(table.get("tool", {}).get("couler", table), id=page.stem)
    for path in sorted((ROOT / "examples").rglob("couler.toml")):
        yield pytest.param(tomllib.loads(path.read_text("utf-8")), id=path.parent.name)


@pytest.mark.parametrize("table", list(settings_on_pages()))
def test_documented_settings_are_right(table: object) -> None:
    assert list(jsonschema_rs.validator_for(SCHEMA).iter_errors(table)) == []


def test_the_schema_has_every_setting_and_the_rows_of_every_optimizer() -> None:
    classes = load_plugins(load_config(environ={})).all(OPTIMIZERS)
    reading = {name for name, cls in classes.items() if getattr(cls, "reads_rows", False)}
    assert SCHEMA["properties"].keys() == {*settings(), "prices", *reading}
    for name in reading:
        keys = SCHEMA["properties"][name]["properties"]["declare"]["items"]["properties"].keys()
        assert keys > {*SELECTORS, REASON}


@pytest.mark.parametrize(
    "text",
    [
        'pipelin = "dedupe"',
        "pipeline = 3",
        'color = "blue"',
        "max-bytes = [[1]]",
        "scope-depth = -1.5",
        'history = [["a"]]',
        "[cache]\npure = true",
        "[[cache]]\npure = true",
        "prices = 3",
        '[[prices]]\ncore-hours = "1"',
    ],
)
def test_what_the_program_refuses_is_marked(text: str, tmp_path: Path) -> None:
    assert marks(tomllib.loads(text))
    (tmp_path / "couler.toml").write_text(text, "utf-8")
    with pytest.raises(InvalidInput):
        load_config(start=tmp_path, environ={})


@pytest.mark.parametrize(
    "text",
    [
        'max-bytes = "1GB"\ncache-capacity = 1000\nscope-depth = 2\ntrace-hooks = true',
        'history = "runs"\nexclude = ["a", "b"]\nload-plugins = ["argo"]',
        '[[other.declare]]\nx = 1\n[[guard.declare]]\nstep = "a"\nmax-memory = "4Gi"',
    ],
)
def test_what_the_program_reads_is_allowed(text: str, tmp_path: Path) -> None:
    assert not marks(tomllib.loads(text))
    (tmp_path / "couler.toml").write_text(text, "utf-8")
    load_config(start=tmp_path, environ={})


def test_documented_annotations_are_right() -> None:
    known = {*ANNOTATIONS["properties"]}
    patterns = [re.compile(pattern) for pattern in ANNOTATIONS["patternProperties"]]
    counts = dict.fromkeys(known, 0)
    for page in PAGES:
        for name, value in re.findall(r"`(couler\.io/[\w.-]+): \"?([^`\"…]+)\"?`", page.read_text("utf-8")):
            if (name, value) == ("couler.io/cache", "kept"):
                continue  # no owner writes it: `cache` does, for a pod that is not to be removed
            assert name in known or any(pattern.search(name) for pattern in patterns), (page.name, name)
            assert not marks({name: value}, ANNOTATIONS), (page.name, name, value)
            counts[name] = counts.get(name, 0) + 1
    assert {name for name, count in counts.items() if not count} <= {"couler.io/tune"}  # it holds a document


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("couler.io/cache", "yes"),
        ("couler.io/cache.main.train", "ttl=3"),
        ("couler.io/guard", "always"),
        ("couler.io/idempotent", True),
        ("couler.io/max-items", "many"),
        ("couler.io/cache-place.out", "to"),
    ],
)
def test_wrong_annotations_are_marked(name: str, value: object) -> None:
    assert marks({name: value}, ANNOTATIONS)
    assert not marks({"example.org/team": 3}, ANNOTATIONS)
