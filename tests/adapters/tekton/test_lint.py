"""What the lint finds in Tekton's documents, where it says so, and what it says to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.tekton.lint_cases import CASES, GOOD, LINES
from couler_plugins.documents import Finding, findings, read
from couler_plugins.ir.bundle import Bundle
from couler_tekton.checks.codes import CODES
from couler_tekton.checks.durations import seconds
from couler_tekton.checks.fields import OBJECTS
from couler_tekton.lint import lint
from support import ROOT, SHARED, shared_files

WARNINGS = {"api-level", "duplicate-object", "missing-argument", "missing-workspace", "unknown-result"}
NOTES = {"field-case", "old-version"}
SCHEMAS = SHARED / "schemas" / "tekton"


def found_in(text: str, api: str = "") -> list[Finding]:
    bundle = Bundle.of([read(text, "a.yaml")])
    return findings(bundle.documents, lint(bundle, api))


@pytest.mark.parametrize("name", GOOD)
def test_nothing_is_found_in_good_documents(name: str) -> None:
    assert found_in(GOOD[name]) == []


@pytest.mark.parametrize("code", CODES)
def test_each_kind_of_finding_has_a_place_and_a_remedy(code: str) -> None:
    found = [finding for finding in found_in(CASES[code]) if finding.code == code]
    assert found
    severity = "warning" if code in WARNINGS else "note" if code in NOTES else "error"
    assert {finding.severity for finding in found} == {severity}
    assert all(finding.hint and finding.line for finding in found)
    if code in LINES:
        assert LINES[code] in CASES[code].splitlines()[(found[0].line or 0) - 1]


@pytest.mark.parametrize("code", sorted(CASES))
def test_one_thing_that_is_wrong_leads_to_few_remarks(code: str) -> None:
    assert len(found_in(CASES[code])) <= 4


def test_every_code_is_in_the_table_and_in_the_documentation() -> None:
    assert list(CODES) == sorted(CODES) == sorted(CASES)
    page = (ROOT / "docs" / "lint-tekton.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{code}` | {meaning} |" for code, meaning in CODES.items()]


def test_a_level_makes_an_error_of_what_it_does_not_take() -> None:
    assert [finding.severity for finding in found_in(CASES["api-level"], "beta")] == ["error"]
    assert found_in(CASES["api-level"], "alpha") == []


def test_a_misspelled_name_is_named() -> None:
    (finding,) = found_in(CASES["unknown-task"])
    assert finding.hint == "did you mean 'build'?"


@pytest.mark.parametrize("path", shared_files("corpus/tekton", "**/*.yaml"))
def test_no_false_alarm_on_examples(path: Path) -> None:
    """At the level of its folder; one of the examples Tekton refuses itself, and one needs a cluster's default."""
    api = "alpha" if path.parent.name == "alpha" else "beta"
    bundle = Bundle.of([read(path.read_bytes(), path.name)])
    codes = {remark.code for remark in lint(bundle, api) if remark.severity != "note"}
    expected = {
        "compressed-results-pipeline.yaml": {"unknown-variable"},
        "default-workspaces.yaml": {"missing-workspace"},
    }
    assert codes == expected.get(path.name, set())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1h30m", 5400.0),
        ("0", 0.0),
        ("-5s", -5.0),
        ("1.5m", 90.0),
        ("10", None),
        ("", None),
        ("1d", None),
        ("+2s", 2.0),
    ],
)
def test_durations(text: str, value: float | None) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("kind", OBJECTS)
def test_the_fields_are_those_of_the_schemas(kind: str) -> None:
    path = SCHEMAS / f"300-{kind.lower()}.yaml"
    if not path.exists():
        pytest.skip("needs the schemas of Tekton")
    versions = yaml.safe_load(path.read_text())["spec"]["versions"]
    version = {held["name"]: held for held in versions}["v1beta1" if kind == "StepAction" else "v1"]
    compare(OBJECTS[kind], version["schema"]["openAPIV3Schema"]["properties"]["spec"], kind)


def compare(shape: Any, schema: Any, place: str) -> None:
    """That a shape has the fields of a schema, as far as both look into them."""
    if isinstance(shape, list) and "type" in schema:  # the schema does not look into volumes
        assert schema["type"] == "array", place
        compare(shape[0], schema["items"], place)
    elif isinstance(shape, dict) and "*" not in shape and "properties" in schema:
        assert set(shape) == set(schema["properties"]), place
        for key, inner in shape.items():
            compare(inner, schema["properties"][key], f"{place}.{key}")
    elif isinstance(shape, str) and shape and "type" in schema:
        types = {"string": ("a text", "a duration"), "boolean": ("true or false",), "integer": ("a whole number",)}
        types |= {"object": ("a mapping",), "array": ("a list",)}
        assert shape in types[schema["type"]], place
