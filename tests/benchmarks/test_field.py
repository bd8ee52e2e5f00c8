"""The scoreboard counts what is there, and its own search finds what ours would miss."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import field
from couler_plugins.driver import session as inputs
from couler_plugins.options.config import load_config

PURE = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: pure-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: day, value: today}]}
  templates:
    - name: main
      dag:
        tasks:
          - {name: first, template: make, arguments: {parameters: [{name: day, value: "{{workflow.parameters.day}}"}]}}
          - {name: second, template: effect, depends: first}
    - name: make
      metadata: {annotations: {}}
      inputs: {parameters: [{name: day}]}
      outputs: {artifacts: [{name: result, path: /tmp/result}]}
      container: {image: "busybox:1", command: [make, "{{inputs.parameters.day}}"]}
    - name: effect
      container: {image: "busybox:1", command: [publish]}
"""
TASK = """\
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: hello}
spec:
  steps: [{name: main, image: busybox, script: echo hello}]
"""
HELM = "{{- if .Values.on }}\n" + TASK + "{{- end }}\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "field" / "team__pipelines"
    for name, text in {
        "pure.yaml": PURE,
        ".tekton/task.yaml": TASK,
        "chart/Chart.yaml": "name: chart\n",
        "chart/templates/task.yaml": HELM,
        "broken.yaml": TASK + "  - ]\n",
        "tsconfig.json": "{ // no JSON\n}",
        "values.yaml": "a: 1\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_files_are_counted_by_what_becomes_of_them(repository: Path) -> None:
    figures = field.figures_of(repository, load_config())
    assert {name: figures[name] for name in field.SUMS} == {
        "files": 7,
        "files_understood": 2,
        "files_unreadable": 1,
        "files_refused": 0,
        "files_missed": 0,
        "internal_errors": 0,
        "calls": 2,
        "calls_without_verdict": 0,
        "declarations": 0,
        "cached_after_settings": 0,
        "pure_with_outputs": 0,
        "pure_cached": 0,
        "declared_otherwise": 0,
        "declared_verified": 0,
    }
    assert figures["files_skipped"]["templated"] == 1
    assert figures["optimizers"]["argo"]["cache"]["verdicts"] == {"declarable": 1, "never": 1}
    assert figures["optimizers"]["argo"]["cache"]["never"] == {"no-outputs": 1}
    assert set(figures["conversions"]) == {
        f"{source} to {target}" for source in ("argo", "tekton") for target in field.ENGINES if source != target
    }


def test_a_declaration_moves_the_figures(repository: Path) -> None:
    (repository / "pure.yaml").write_text(PURE.replace("{annotations: {}}", "{annotations: {couler.io/cache: pure}}"))
    figures = field.figures_of(repository, load_config())
    assert figures["optimizers"]["argo"]["cache"]["verdicts"] == {"cached": 1, "never": 1}
    assert figures["optimizers"]["argo"]["cache"]["changed"] > 0


def test_a_file_that_a_scan_loses_is_missed(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(*arguments: object, **options: object) -> tuple[list[object], object]:
        files, skips = inputs.read_workflows(*arguments, **options)  # type: ignore[arg-type]
        skips.templated.clear()
        return [item for item in files if item.relative != "pure.yaml"], skips

    monkeypatch.setattr(field, "read_workflows", forgetful)
    assert field.figures_of(repository, load_config())["missed"] == ["chart/templates/task.yaml", "pure.yaml"]


def test_the_command_writes_figures_and_a_page(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "settings" / repository.name
    settings.mkdir(parents=True)
    (settings / "couler.toml").write_text('exclude = ["pure.yaml"]\n')
    out, page = tmp_path / "out.json", tmp_path / "page.md"
    command = ["field", "--traces", str(repository.parent), "--settings", str(settings.parent)]
    monkeypatch.setattr(
        sys, "argv", [*command, "--json", str(out), "--table", str(page), "--plot", str(tmp_path / "p.svg")]
    )
    field.main()
    figures = json.loads(out.read_text())
    assert (figures["calls"], figures["files_missed"]) == (0, 1)
    assert figures["repositories"][repository.name]["missed"] == ["pure.yaml"]
    assert f"| {repository.name} |" in page.read_text()
    assert capsys.readouterr().out == out.read_text()
