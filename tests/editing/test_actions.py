"""What each action does to the text of a file: only the lines that it is about change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from couler_plugins.documents import read
from couler_plugins.driver.linting import lint_inputs
from couler_plugins.driver.session import session
from couler_plugins.editing.actions import Connect, DeleteStep, RenameStep, SetField
from couler_plugins.editing.apply import ActionError, apply_actions
from couler_plugins.inputs.sources import Input
from couler_plugins.options.config import Config
from editing.tables import FOLDER, Case, cases, outcome

WORK = session(Config())
TABLES = sorted(FOLDER.glob("*.diffs"))
ROWS = [pytest.param(path.stem, case, id=f"{path.stem}: {case.name}") for path in TABLES for case in cases(path)]


@pytest.mark.parametrize(("manifest", "case"), ROWS)
def test_an_action_changes_only_the_lines_that_it_is_about(manifest: str, case: Case) -> None:
    name = f"{manifest}.yaml"
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert outcome(name, text, case.actions, WORK) == case.wanted


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_a_table_starts_from_a_manifest_without_errors(path: Path) -> None:
    name = f"{path.stem}.yaml"
    text = (FOLDER / name).read_text(encoding="utf-8")
    found = lint_inputs([Input(name=name, relative=name, file=read(text, name))], WORK)
    assert not found.failed, found.findings


def test_an_error_says_which_action_is_refused() -> None:
    text = (FOLDER / "argo.yaml").read_text(encoding="utf-8")
    image = SetField(graph="main", step="fetch", field="image", value="curl")
    with pytest.raises(ActionError, match="'main' has no step 'fetsch'") as caught:
        apply_actions("argo.yaml", text, [image, RenameStep(graph="main", step="fetsch", name="get")], WORK)
    assert (caught.value.number, caught.value.file, caught.value.hint) == (1, "argo.yaml", "did you mean 'fetch'?")


def test_actions_on_carriage_returns_keep_them() -> None:
    text = (FOLDER / "argo.yaml").read_text(encoding="utf-8").replace("\n", "\r\n")
    new = apply_actions("argo.yaml", text, [RenameStep(graph="main", step="warn", name="shout")], WORK)
    assert new == text.replace("name: warn", "name: shout")


@pytest.mark.parametrize(("field", "value"), [("limits", {"cpu": "1", "memory": "much"}), ("requests", {"cpu": ""})])
@pytest.mark.parametrize(("name", "graph"), [("argo.yaml", "main"), ("tekton.yaml", "pipeline")])
def test_what_is_no_amount_is_refused(name: str, graph: str, field: Any, value: Any) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    with pytest.raises(ActionError, match="is no amount of"):
        apply_actions(name, text, [SetField(graph=graph, step="fetch", field=field, value=value)], WORK)


def test_a_timeout_without_a_unit_counts_seconds() -> None:
    text = (FOLDER / "argo.yaml").read_text(encoding="utf-8")
    typed, counted = (
        apply_actions("argo.yaml", text, [SetField(graph="main", step="fetch", field="timeout", value=value)], WORK)
        for value in ("90", 90)
    )
    assert typed == counted != text


@pytest.mark.parametrize("value", [-1, "-1", -0.5, True])
def test_what_is_no_time_is_refused(value: Any) -> None:
    text = (FOLDER / "tekton.yaml").read_text(encoding="utf-8")
    timeout = SetField(graph="pipeline", step="count", field="timeout", value=value)
    with pytest.raises(ActionError, match="is no time"):
        apply_actions("tekton.yaml", text, [timeout], WORK)


def test_a_final_task_waits_for_no_other() -> None:
    text = (FOLDER / "tekton.yaml").read_text(encoding="utf-8")
    final = "  finally:\n  - name: last\n    taskRef: {name: say}\n    params: [{name: text, value: bye}]\n---"
    action = Connect(graph="pipeline", source="fetch", target="last")
    with pytest.raises(ActionError, match="'last' runs when all others have ended"):
        apply_actions("tekton.yaml", text.replace("---", final, 1), [action], WORK)


GLOBAL = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: global-}
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - {name: first, template: make}
      - {name: second, template: say, depends: first}
  - name: make
    container: {image: busybox:1.36, command: [touch, /tmp/made]}
    outputs: {parameters: [{name: made, valueFrom: {path: /tmp/made}, globalName: made}]}
  - name: say
    container: {image: busybox:1.36, command: [echo, "{{workflow.outputs.parameters.made}}"]}
"""


def test_a_step_is_not_deleted_whose_output_the_whole_workflow_reads() -> None:
    with pytest.raises(ActionError, match=r"\{\{workflow.outputs.parameters.made\}\} cannot be resolved") as caught:
        apply_actions("global.yaml", GLOBAL, [DeleteStep(graph="main", step="first")], WORK)
    assert caught.value.hint
