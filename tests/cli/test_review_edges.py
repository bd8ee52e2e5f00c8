"""`couler review` where names mean something in Markdown, files are gone, and histories have nothing in common."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from cli.test_review import CHANGED, WORKFLOW, data, review, start
from couler_plugins.cli.markdown import LENGTH
from gitops_files import TWINS, commit_all, git

pytestmark = pytest.mark.usefixtures("repository")
NAME = "<b>@all</b> `x` #12 | [a](https://e.example) www.e.example ~~~ ```"
BROKEN = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n\tx: [\n"
CHEAPER = 'cpu: "4"', 'cpu: "3"'


def test_names_mean_nothing_in_the_comment() -> None:
    text = WORKFLOW.replace("generateName: train-", f"name: {json.dumps(NAME)}")
    text = text.replace("{name: train,", f"{{name: {json.dumps(NAME)},")
    start(train=text)
    Path("train.yaml").write_text(f"{text.replace(*CHEAPER)}      retryStrategy: {{{json.dumps(NAME)}: 3}}\n")
    page = MarkdownIt("gfm-like").render(review().stdout)
    outside, *_ = page.partition("<details>")
    assert outside.count("&lt;b&gt;") == 4  # the field twice, workflow and step
    assert not re.search(r"<(?:a|b|s|code|img)\b|@\w|#\d", outside)
    inside = page.partition("<details>")[2]
    assert "@" not in re.sub(r"<pre>.*?</pre>", "", inside, flags=re.DOTALL)


def test_names_are_cut() -> None:
    long = WORKFLOW.replace("generateName: train-", f"name: {'n' * 10_000}")
    start(train=long)
    Path("train.yaml").write_text(long.replace(*CHEAPER))
    assert max(map(len, review().stdout.splitlines())) < LENGTH + 50


def test_paths_with_spaces_and_ends_of_lines() -> None:
    folder = Path("my flows")
    folder.mkdir()
    (folder / "a`b\nc.yaml").write_text(WORKFLOW)
    start()
    (folder / "a`b\nc.yaml").write_text(CHANGED)
    done = review("--sarif", "all.sarif")
    assert "| my flows/a&#96;b c.yaml:22 | **error** RetryStrategy has no field" in done.stdout
    [result] = json.loads(Path("all.sarif").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == "my%20flows/a%60b%0Ac.yaml"


def test_files_that_are_gone_are_no_findings() -> None:
    start(train=CHANGED, other=TWINS)
    Path("train.yaml").unlink()
    report = data()
    assert (report["findings"], report["fixed"], report["files"]) == ([], 1, [])
    assert [cost["path"] for cost in report["costs"]] == ["train.yaml"]


@pytest.mark.parametrize("place", [".", "flows", "flows/train.yaml"])
def test_a_place_whose_workflows_are_gone_is_no_finding(place: str) -> None:
    Path("flows").mkdir()
    Path("flows/train.yaml").write_text(WORKFLOW)
    start()
    Path("flows/train.yaml").unlink()
    Path("flows").rmdir()
    done = review("--sarif", "all.sarif", place)
    assert (done.exit_code, "**Lint:** 0 new findings" in done.stdout) == (0, True)
    assert json.loads(Path("all.sarif").read_text())["runs"][0]["results"] == []
    assert review("missing").exit_code != 0


def test_a_broken_file_stops_no_other() -> None:
    start(train=WORKFLOW)
    Path("broken.yaml").write_text(BROKEN)
    Path("train.yaml").write_text(CHANGED)
    report = data()
    assert [(item["file"], item["code"]) for item in report["findings"]] == [
        ("train.yaml", "unknown-field"),
        ("broken.yaml", "unreadable"),
    ]


def test_what_lint_finds_is_not_said_again_as_a_refusal() -> None:
    start(train=WORKFLOW)
    Path("train.yaml").write_text(WORKFLOW.replace("prepare.py]", '"{{inputs.parameters.none}}"]'))
    assert [item["code"] for item in data()["findings"]] == ["unresolved-reference"]


def test_without_a_common_history_all_is_compared() -> None:
    start(train=WORKFLOW)
    git("checkout", "--quiet", "--orphan", "other")
    Path("train.yaml").write_text(CHANGED)
    commit_all()
    report = data()
    assert (report["base"], len(report["findings"]), report["files"]) == (git("rev-parse", "main"), 1, ["train.yaml"])


def test_ends_of_lines_of_windows() -> None:
    Path("train.yaml").write_bytes(WORKFLOW.replace("\n", "\r\n").encode())
    start()
    Path("train.yaml").write_bytes(CHANGED.replace("\n", "\r\n").encode())
    report = data()
    assert [(item["line"], item["code"]) for item in report["findings"]] == [(22, "unknown-field")]
    assert report["costs"] == []
