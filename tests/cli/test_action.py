"""`action.yml`, run as a runner of GitHub runs it: its steps by bash, with GitHub's variables, and an API of ours."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from action_runner import ACTION, EXPRESSION, GitHub, Runner, github
from cli.test_sarif import check
from couler_plugins.cli.group import couler
from couler_plugins.cli.pull_request import post_comment
from couler_plugins.cli.review_text import MARK
from gitops_files import blocks_of, commit_all, git
from support import ROOT, shared

__all__ = ["github"]

COMMENTS = "/repos/team/flows/issues/7/comments"
LONGEST = 60
"""Seconds that a review may take."""


@pytest.fixture
def base(repository: Path) -> str:
    """A repository with the workflow of the documentation, changed as it is there."""
    Path("train.yaml").write_text(blocks_of("pull-requests.md", "yaml")[0])
    commit = commit_all()
    subprocess.run(["git", "apply", "-"], input=blocks_of("pull-requests.md", "diff")[0], text=True, check=True)
    commit_all("change")
    return commit


def test_every_expression_is_one_of_ours() -> None:
    names = set(EXPRESSION.findall((ROOT / "action.yml").read_text("utf-8")))
    outputs = {f"steps.review.outputs.{name}" for name in ACTION["outputs"]}
    inputs = {f"inputs.{name}" for name in ACTION["inputs"]}
    assert names == {*outputs, *inputs, "github.action_path", "github.token", "github.event.pull_request.base.sha"}


def test_no_expression_is_in_a_script() -> None:
    # Whoever names a branch or a file would write the script.
    assert not any(EXPRESSION.search(step["run"]) for step in ACTION["runs"]["steps"])


def test_the_comment_is_written_once_and_then_replaced(tmp_path: Path, github: GitHub, base: str) -> None:
    runner = Runner(tmp_path / "runner", github, base)
    assert runner.run() == 1, runner.messages
    comment = github.comments[3]
    assert "RetryStrategy has no field 'limits'" in comment
    assert "| main/train | 1 | 4 → 8 | 16 |" in comment
    assert runner.summary == comment == Path(runner.outputs["review"]).read_text()
    check(json.loads(Path(runner.outputs["sarif"]).read_text()))
    git("revert", "--no-edit", "HEAD")
    assert runner.run() == 0, runner.messages
    assert "**Lint:** 0 new findings" in github.comments[3]
    assert github.asked == [
        f"GET {COMMENTS}",
        f"POST {COMMENTS}",
        f"GET {COMMENTS}",
        "PATCH /repos/team/flows/issues/comments/3",
    ]
    assert [github.comments[number] for number in (1, 2)] == ["a person's", "another's"]


def test_without_rights_there_is_a_summary(tmp_path: Path, github: GitHub, base: str) -> None:
    github.forbidden = True
    runner = Runner(tmp_path / "runner", github, base)
    assert runner.run() == 1
    assert "no comment was written" in runner.messages
    assert "RetryStrategy" in runner.summary
    assert "secret" not in runner.messages


def test_without_a_token_there_is_a_summary(tmp_path: Path, github: GitHub, base: str) -> None:
    runner = Runner(tmp_path / "runner", github, base, token="")
    assert (runner.run(), github.asked) == (1, [])
    assert "no comment was written: there is no GITHUB_TOKEN" in runner.messages
    assert "RetryStrategy" in runner.summary


def test_paths_on_lines_have_spaces(tmp_path: Path, github: GitHub, base: str) -> None:
    Path("my flows").mkdir()
    git("mv", "train.yaml", "my flows/train.yaml")
    Path("other.yaml").write_text("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec: [\n")
    runner = Runner(tmp_path / "runner", github, base, comment="false", paths="\nmy flows/\n\n")
    assert runner.run() == 1, runner.messages
    assert "| my flows/train.yaml:22 |" in runner.summary
    assert "other.yaml" not in runner.summary


def test_a_job_that_no_pull_request_has_started(tmp_path: Path, github: GitHub) -> None:
    runner = Runner(tmp_path / "runner", github, "")
    assert runner.run() == 2
    assert "set the input base" in runner.printed


def test_a_long_comment_is_cut_at_a_line(
    tmp_path: Path, github: GitHub, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in Runner(tmp_path / "runner", github, "").environment.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    row = "| a | b |"
    section = "<details><summary>more</summary>\n\n```text\nx\n```\n\n</details>\n"
    post_comment(f"{MARK}\n{row}\n\n{section}", 1_000_000)
    assert github.comments[3].endswith("</details>\n")
    post_comment(f"{MARK}\n" + f"{row}\n" * 6_000 + f"\n{section * 200}", 1_000_000)
    lines = github.comments[3].splitlines()
    assert (lines[1], lines[6_000], lines[-1][:16]) == (row, row, "This is not all:")
    assert "<details>" not in lines
    post_comment(f"{MARK}\n" + f"{row}\n" * 20_000, 1_000_000)
    assert (set(github.comments[3].splitlines()[1:-2]), len(github.comments[3]) < 65_536) == ({row}, True)


def test_a_baseline_and_no_comment(tmp_path: Path, github: GitHub, base: str) -> None:
    record = {"file": "train.yaml", "code": "unknown-field", "path": "spec.templates[].retryStrategy.limits"}
    record["message"] = "RetryStrategy has no field 'limits'"
    Path("lint.json").write_text(json.dumps({"schema": "couler.baseline/v1", "findings": [record]}))
    runner = Runner(tmp_path / "runner", github, base, comment="false", baseline="lint.json", paths="train.yaml")
    assert (runner.run(), github.asked) == (0, []), runner.messages


def test_the_base_is_fetched_where_a_clone_lacks_it(
    tmp_path: Path, github: GitHub, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    git("clone", "--quiet", "--depth=1", Path.cwd().as_uri(), str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    runner = Runner(tmp_path / "runner", github, base)
    assert runner.run() == 1, runner.messages
    assert "**Lint:** 1 new finding, 0 fixed, 0 as before." in runner.summary


FIELD = {
    "ClimateImpactLab__downscaleCMIP6": (
        {
            "workflows/templates/clean-cmip6.yaml": ('cpu: "500m"', 'cpu: "2000m"'),
            "workflows/templates/rechunk.yaml": ("{{ inputs.parameters.in-zarr }}", "{{ inputs.parameters.inzarr }}"),
        },
        (
            "### couler: 2 changed files with workflows",
            "**Lint:** 1 new finding,",
            "{{inputs.parameters.inzarr}} cannot be resolved",
            "| a run |  | 12.5 → 15.5 | 193 |",
            "| process-job/standardize-ssp-run | 1 | 0.5 → 2 | 16 |",
        ),
        {"unresolved-reference", "refused"},
    ),
    "konflux-ci__build-definitions": (
        {"pipelines/docker-build/docker-build.yaml": ("- init\n", "- initial\n")},
        (
            "### couler: 1 changed file with workflows",
            "**Lint:** 1 new finding, 0 fixed,",
            "there is no task 'initial' to wait for (at spec.tasks&#91;1&#93;.runAfter&#91;0&#93;)",
        ),
        {"unknown-task", "refused"},
    ),
}
"""Repositories of the field, a change of each, what the comment says of it, and the codes that no baseline has."""


@pytest.mark.parametrize("name", FIELD)
def test_repositories_of_the_field(name: str, tmp_path: Path, github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    changes, texts, codes = FIELD[name]
    shutil.copytree(shared("corpus", "field", name), tmp_path / "work", symlinks=True)
    monkeypatch.chdir(tmp_path / "work")
    CliRunner().invoke(couler, ["lint", "--baseline", "lint.json", "--write-baseline", "."], catch_exceptions=False)
    assert len(json.loads(Path("lint.json").read_text())["findings"]) > 3
    commit = commit_all()
    for file, (old, new) in changes.items():
        assert old in Path(file).read_text()
        Path(file).write_text(Path(file).read_text().replace(old, new))
    commit_all("change")
    runner = Runner(tmp_path / "runner", github, commit, baseline="lint.json")
    assert runner.run() == 1, runner.messages
    print("{}: {:.1f} s, of which processors worked {:.1f} s".format(name, *runner.seconds))  # noqa: T201  # the figure that is asked for
    assert [text for text in texts if text not in github.comments[3]] == []
    assert runner.seconds[1] < LONGEST
    log = json.loads(Path(runner.outputs["sarif"]).read_text())
    check(log)
    assert {result["ruleId"] for result in log["runs"][0]["results"]} == codes
