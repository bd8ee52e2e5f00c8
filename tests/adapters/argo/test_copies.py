"""Copies of one WorkflowTemplate in several folders: which of them a workflow means."""

from __future__ import annotations

from pathlib import Path

import pytest

from couler_plugins import api
from couler_plugins.documents import Finding
from couler_plugins.options.config import Config, Depth

TEMPLATE = """\
apiVersion: argoproj.io/v1alpha1
kind: ClusterWorkflowTemplate
metadata: {{name: shared}}
spec:
  templates:
  - name: {template}
    container: {{image: alpine, command: [{template}]}}
"""
WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - name: a
        templateRef: {name: shared, template: push, clusterScope: true}
"""
CLOUDS = {"aws": "push", "azure": "pull", "google": "push"}


@pytest.fixture
def clouds(tmp_path: Path) -> Path:
    """Three folders with a workflow each, and the template that it calls; one of the three has another template."""
    for cloud, template in CLOUDS.items():
        folder = tmp_path / cloud / "argo"
        folder.mkdir(parents=True)
        (folder / "template.yaml").write_text(TEMPLATE.format(template=template), encoding="utf-8")
        (folder / "w.yaml").write_text(WORKFLOW, encoding="utf-8")
    return tmp_path


def lint(folder: Path, depth: int = 0) -> list[Finding]:
    return list(api.lint(folder, config=Config(scope_depth=Depth(depth))).findings)


def test_each_workflow_means_the_template_beside_it(clouds: Path) -> None:
    found = lint(clouds, 1)
    assert [(Path(item.file).parts[-3], item.code) for item in found] == [("azure", "unknown-template")]


def test_without_scopes_there_is_one_finding_for_the_name(clouds: Path) -> None:
    duplicates = [item for item in lint(clouds) if item.code == "duplicate-library"]
    assert len(duplicates) == 1
    assert "2 different definitions of the ClusterWorkflowTemplate 'shared'" in duplicates[0].message
    assert "google" not in duplicates[0].message  # a copy of the first


def test_charts_are_scopes(clouds: Path) -> None:
    for cloud in CLOUDS:
        (clouds / cloud / "Chart.yaml").write_text("name: a\n", encoding="utf-8")
    assert [item.code for item in lint(clouds)] == ["unknown-template"]


def test_a_workflow_far_from_all_refuses_nothing(clouds: Path) -> None:
    (clouds / "w.yaml").write_text(WORKFLOW, encoding="utf-8")
    plan = api.lift(clouds / "w.yaml")
    result = api.optimize(clouds, "cache{via=memoize}")
    assert [file.error for file in result.files if file.path == clouds / "w.yaml"] == [None]
    assert plan.workflows
    found = [item for item in lint(clouds, 1) if item.code == "ambiguous-reference"]
    assert [(Path(item.file).name, item.line) for item in found] == [("w.yaml", 10)]


def test_the_optimizers_look_beside_the_workflow(clouds: Path) -> None:
    """The one whose template is not there is refused; the others find theirs."""
    result = api.optimize(clouds, "cache{via=memoize}")
    assert [Path(file.name).parts[-3] for file in result.files if file.error is not None] == ["azure"]
