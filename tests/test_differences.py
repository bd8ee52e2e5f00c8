"""What a conversion leaves out, what it puts placeholders in place of, and what it refuses."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from couler_plugins import Text, convert
from couler_plugins.cli.group import couler
from couler_plugins.driver.differences import OnUnsupported
from couler_plugins.driver.results import FileResult
from couler_plugins.errors import Unsupported

WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: train}
spec:
  entrypoint: main
  podGC: {strategy: OnPodCompletion}
  podDisruptionBudget: {minAvailable: 9999}
  templates:
    - name: main
      dag:
        tasks:
          - {name: clean, template: clean}
          - {name: report, template: report, dependencies: [clean]}
    - name: clean
      metrics:
        prometheus: [{name: cleaned, help: cleaned, counter: {value: "1"}}]
      container: {image: busybox, command: [echo], args: [clean]}
    - name: report
      plugin: {url: "https://example.org/{{workflow.name}}"}
"""
LOCKED = WORKFLOW.replace("      plugin:", "      synchronization: {mutexes: [{name: one}]}\n      container:").replace(
    'url: "https://example.org/{{workflow.name}}"', "image: busybox, command: [echo], args: [report]"
)


def _converted(text: str, on_unsupported: OnUnsupported = "error", *, strict: bool = False) -> FileResult:
    (file,) = convert(Text(text, "train.yaml"), "tekton", on_unsupported=on_unsupported, strict=strict).files
    return file


def test_a_step_that_cannot_be_carried_refuses_its_file_and_details_do_not() -> None:
    error = _converted(WORKFLOW).error
    assert isinstance(error, Unsupported)
    assert [error.step, error.feature] == ["report", "Operation.kind"]
    assert "podGC" not in error.message


def test_strict_refuses_details_too_each_with_its_line() -> None:
    error = _converted(WORKFLOW, strict=True).error
    assert isinstance(error, Unsupported)
    assert {part.feature for part in error.parts if part.feature} >= {"Operation.metrics", "Operation.kind"}
    assert "podGC" in error.message
    assert f"line {WORKFLOW.splitlines().index('    - name: report') + 1}: 'report'" in error.message


def test_a_placeholder_fails_and_says_which_original_it_stands_for(tmp_path: Path) -> None:
    file = _converted(WORKFLOW, "todo")
    assert file.text is not None
    losses = {decision.loss: decision.reason for decision in file.decisions if decision.loss}
    assert losses.keys() == {"detail", "step"}
    assert file.text.startswith("# couler: ")
    assert "# couler: to be written by hand: 'report'" in file.text
    run = next(item for item in yaml.safe_load_all(file.text) if item["kind"] == "PipelineRun")
    tasks = run["spec"]["pipelineSpec"]
    (step,) = next(task for task in tasks["tasks"] if task["name"] == "report")["taskSpec"]["steps"]
    script = step["script"] if "script" in step else step["args"][-1]
    assert "#   plugin: {url: " in script
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "report of train" in done.stderr


@pytest.mark.parametrize(("on_unsupported", "told"), [("warn", True), ("drop", False), ("todo", True)])
def test_what_concerns_whole_runs_is_left_out_where_that_is_wanted(on_unsupported: OnUnsupported, told: bool) -> None:
    refused = _converted(LOCKED).error
    assert refused is not None
    assert refused.feature == "Operation.locks"
    file = _converted(LOCKED, on_unsupported)
    assert file.error is None
    assert ("run" in {decision.loss for decision in file.decisions}) is told


def test_the_report_has_a_table_and_a_list_of_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "train.yaml").write_text(WORKFLOW, encoding="utf-8")
    report = tmp_path / "migration.md"
    arguments = ["convert", str(tmp_path / "train.yaml"), "--to", "tekton", "--report", str(report)]
    refused = CliRunner().invoke(couler, [*arguments, "-o", str(tmp_path / "no")])
    assert refused.exit_code == 2
    assert "not written" in report.read_text(encoding="utf-8")
    done = CliRunner().invoke(couler, [*arguments, "--on-unsupported", "todo", "-o", str(tmp_path / "out.yaml")])
    assert done.exit_code == 0, done.output
    text = report.read_text(encoding="utf-8")
    assert "| carried, with steps to write by hand | 1 | 100% |" in text
    assert f"line {WORKFLOW.splitlines().index('    - name: report') + 1}: " in text
