"""`action.yml`, run as a runner of GitHub runs it: its steps by bash, with GitHub's variables, and an API of ours."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from cli.test_sarif import check
from couler_plugins.cli.group import couler
from couler_plugins.cli.pull_request import post_comment
from couler_plugins.cli.review_text import MARK
from gitops_files import blocks_of, commit_all, git, repository
from support import ROOT, shared

__all__ = ["repository"]

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
COMMENTS = "/repos/team/flows/issues/7/comments"
LONGEST = 60
"""Seconds that a review may take."""


def worked() -> float:
    """How long processors worked for the processes that this one started, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class GitHub(ThreadingHTTPServer):
    """The comments of a pull request.

    Attributes:
        comments: their texts, by number.
        asked: the methods and paths.
        forbidden: whether the token may not write.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments = {1: "a person's", 2: "another's"}
        self.asked: list[str] = []
        self.forbidden = False


class Handler(BaseHTTPRequestHandler):
    server: GitHub

    def do_GET(self) -> None:
        self._answer([{"id": number, "body": text} for number, text in self.server.comments.items()])

    def do_POST(self) -> None:
        self._write(len(self.server.comments) + 1)

    def do_PATCH(self) -> None:
        self._write(int(self.path.rpartition("/")[2]))

    def _write(self, number: int) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        if not self.server.forbidden:
            self.server.comments[number] = body
        self._answer({"id": number}, 403 if self.server.forbidden else 200)

    def _answer(self, content: Any, status: int = 200) -> None:
        assert self.headers["Authorization"] == "Bearer secret"
        self.server.asked.append(f"{self.command} {self.path.partition('?')[0]}")
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


class Runner:
    """Runs the step with the id `review`; the step before has installed couler into the folder of the runner.

    Attributes:
        outputs: of the step.
        summary: of the job.
        seconds: how long it took, and how much of that processors worked, which other work beside does not change.
    """

    def __init__(self, folder: Path, github: GitHub, base: str, **inputs: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.values = {f"inputs.{name}": str(one["default"]) for name, one in ACTION["inputs"].items()}
        self.values |= {f"inputs.{name}": text for name, text in inputs.items()}
        self.context = {"github.event.pull_request.base.sha": base, "github.token": "secret"}
        (folder / "event.json").write_text(json.dumps({"pull_request": {"number": 7, "base": {"sha": base}}}))
        program = folder / "couler" / "bin" / "couler"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from couler_plugins.cli import main; main()" "$@"\n')
        program.chmod(0o755)
        self.environment = {
            name: os.environ[name]
            for name in ("PATH", "PYTHONPATH", "HOME", "COVERAGE_PROCESS_START")
            if name in os.environ
        } | {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": f"http://127.0.0.1:{github.server_port}",
            "GITHUB_REPOSITORY": "team/flows",
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "RUNNER_TEMP": str(folder),
            "PYTHONSAFEPATH": "1",
        }

    def run(self) -> int:
        """Runs it, and returns its exit code."""
        step = next(item for item in ACTION["runs"]["steps"] if item.get("id") == "review")
        own = {name: self._filled(text) for name, text in step["env"].items()}
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        for name in ("output", "summary"):
            (self.folder / name).write_text("")
        # As GitHub calls bash for `shell: bash`.
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
        began = time.monotonic(), worked()
        done = subprocess.run(command, env=self.environment | own, capture_output=True, text=True, check=False)
        self.seconds = (time.monotonic() - began[0], worked() - began[1])
        self.messages, self.printed = done.stderr, done.stdout
        lines = (self.folder / "output").read_text().splitlines()
        self.outputs = dict(line.split("=", 1) for line in lines)
        self.summary = (self.folder / "summary").read_text()
        return done.returncode

    def _filled(self, text: str) -> str:
        """A text with its expressions, and those of the inputs' defaults, replaced by what they are."""
        names = self.values | self.context
        while match := EXPRESSION.search(text):
            text = text.replace(match[0], names[match[1]])
        return text


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
