"""`couler review`, on a repository of its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.test_costs import blocks, past, rows, write_history
from couler_plugins.cli.group import couler
from gitops_files import TWINS, blocks_of, commit_all, git

WORKFLOW = blocks_of("pull-requests.md", "yaml")[0]
CHANGE = blocks_of("pull-requests.md", "diff")[0]
SHOWN = blocks_of("pull-requests.md", "markdown")[0]
pytestmark = pytest.mark.usefixtures("repository")


def review(*arguments: str) -> Result:
    return CliRunner().invoke(couler, ["review", "--base", "main", *arguments], catch_exceptions=False)


def data(*arguments: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(review("--format", "json", *arguments).stdout)
    return report


def start(**files: str) -> None:
    for name, text in files.items():
        Path(f"{name}.yaml").write_text(text)
    commit_all()
    git("checkout", "--quiet", "-b", "change")


def test_the_example_of_the_documentation() -> None:
    start(train=WORKFLOW)
    subprocess.run(["git", "apply", "-"], input=CHANGE, text=True, check=True)
    done = review()
    text = done.stdout.replace(git("rev-parse", "main")[:9], "COMMIT")
    assert (done.exit_code, text.split("\n```text\n")[0] + "\n~~~\n") == (1, SHOWN)


def test_nothing_changed() -> None:
    start(train=WORKFLOW)
    report = data()
    assert [report[name] for name in ("files", "findings", "caching", "costs", "explanation")] == [[], [], [], [], []]


def test_a_file_that_was_moved_is_the_same() -> None:
    start(train=CHANGED)
    Path("flows").mkdir()
    git("mv", "train.yaml", "flows/train.yaml")
    report = data()
    assert (report["findings"], report["fixed"], report["quiet"], report["files"]) == ([], 0, 1, [])


CHANGED = f"{WORKFLOW}      retryStrategy: {{limits: 3}}\n"


def test_findings_of_the_base_are_quiet_and_fixes_are_counted() -> None:
    start(train=CHANGED)
    Path("train.yaml").write_text(WORKFLOW)
    report = data()
    assert (report["findings"], report["fixed"], report["quiet"]) == ([], 1, 0)


def test_a_baseline_keeps_findings_quiet() -> None:
    start(train=WORKFLOW)
    Path("train.yaml").write_text(CHANGED)
    CliRunner().invoke(couler, ["lint", "--baseline", "lint.json", "--write-baseline", "."])
    done = review("--baseline", "lint.json", "--format", "json")
    assert (done.exit_code, json.loads(done.stdout)["findings"]) == (0, [])
    Path("train.yaml").write_text(WORKFLOW)
    assert data("--baseline", "lint.json")["findings"] == []


def test_a_file_that_is_not_readable_any_more_is_a_finding() -> None:
    start(train=WORKFLOW, other=TWINS)
    Path("train.yaml").write_text("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec: [\n")
    report = data()
    assert [(item["code"], item["file"]) for item in report["findings"]] == [("unreadable", "train.yaml")]
    assert report["costs"] == []


def test_changed_files_that_cannot_be_read_are_counted() -> None:
    broken = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec: [\n"
    start(train=WORKFLOW, report=broken, same=broken)
    Path("report.yaml").write_text(f"# edited\n{broken}")
    assert data()["unreadable"] == ["report.yaml"]
    assert "\n1 changed file cannot be read: report.yaml\n" in review().stdout
    Path("train.yaml").write_text(broken)
    Path("new.yaml").write_text(broken)
    assert data()["unreadable"] == ["new.yaml", "report.yaml", "train.yaml"]


def test_a_step_that_can_be_cached_no_more() -> None:
    output = "      outputs: {parameters: [{name: o, valueFrom: {path: /o}}]}\n"
    start(train=WORKFLOW.replace("    - name: prepare\n", f"    - name: prepare\n{output}"))
    Path("train.yaml").write_text(WORKFLOW)
    [change] = data()["caching"]
    assert (change["step"], change["before"], change["after"]) == ("main/prepare", "declarable", "never")
    assert change["reasons"] == ["effects"]


def test_costs_are_those_of_past_runs() -> None:
    start(nightly=blocks()["yaml"][0])
    Path("couler.toml").write_text(blocks()["toml"][0])
    write_history([past(number, *hours) for number, hours in enumerate(rows())])
    Path("nightly.yaml").write_text(blocks()["yaml"][0].replace('cpu: "4"', 'cpu: "8"'))
    [cost] = data("--history", "runs.json", "nightly.yaml")["costs"]
    assert cost["runs"] == 3
    assert (cost["before"]["core_hours"]["median"], cost["after"]["core_hours"]["median"]) == (8.5, 16.5)
    assert [step["step"] for step in cost["steps"]] == ["main/train"]


def test_a_new_workflow_costs_nothing_before() -> None:
    start(train=WORKFLOW)
    Path("more.yaml").write_text(WORKFLOW.replace("train-", "more-"))
    [cost] = data()["costs"]
    assert (cost["before"]["core_hours"]["median"], cost["after"]["core_hours"]["median"]) == (0.0, 5.0)


def test_the_work_tree_and_the_index_stay() -> None:
    start(train=WORKFLOW)
    Path("train.yaml").write_text(CHANGED)
    before = git("status", "--porcelain=v2")
    review()
    assert git("status", "--porcelain=v2") == before


def test_from_a_folder_of_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("flows").mkdir()
    start(**{"flows/train": WORKFLOW})
    monkeypatch.chdir("flows")
    Path("train.yaml").write_text(CHANGED)
    assert [item["file"] for item in data()["findings"]] == ["train.yaml"]
    outside = review("..")
    assert (outside.exit_code, "is not below the current folder" in outside.stderr) == (2, True)


def test_a_commit_that_is_not_there_is_refused() -> None:
    start(train=WORKFLOW)
    done = CliRunner().invoke(couler, ["review", "--base", "nowhere"])
    assert (done.exit_code, "fetch the commit first" in done.stderr) == (2, True)


def test_markup_in_messages_is_text() -> None:
    start(train=WORKFLOW)
    Path("train.yaml").write_text(WORKFLOW.replace("template: train, depends", "template: '<b>|x', depends"))
    line = next(line for line in review().stdout.splitlines() if line.startswith("| train.yaml"))
    assert "<b>" not in line
    assert line.count("|") == 3
