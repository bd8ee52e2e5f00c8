"""What objects forbid of what they call in others counts where the retry is written; what they allow does not."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from couler_plugins.ir import Workflow
from couler_plugins.reliability import application, rules
from reliability.test_guard import ARGO, REFERRING, TEKTON, actions, changes, guarded, reasons

LIBRARY = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: lib}
spec:
  entrypoint: work
  templates:
  - name: work
    metadata: {annotations: {couler.io/idempotent: "true"}}
    container: {image: a, command: [x]}
  - name: other
    metadata: {annotations: {couler.io/idempotent: "true"}}
    container: {image: b, command: [x]}
  - name: through
    steps: [[{name: deep, template: work}]]
---
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: between}
spec:
  templates:
  - name: main
    steps: [[{name: far, templateRef: {name: lib, template: through}}]]
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: w-, annotations: {SAID}}
spec:
  REFERENCE
"""
STEP = """entrypoint: main
  templates:
  - name: main
    steps: [[{name: deploy, templateRef: {name: NAME, template: TEMPLATE}}]]"""
WHOLE = "workflowTemplateRef: {name: lib}"
ONE = STEP.replace("NAME", "lib").replace("TEMPLATE", "work")
GRAPH = ONE.replace("template: work", "template: through")
FAR = STEP.replace("NAME", "between").replace("TEMPLATE", "main")
ROW = "[[guard.declare]]\nstep = '*deploy'\nKEY"


@pytest.mark.parametrize(
    ("said", "reference", "settings", "repeated"),
    [
        ("", ONE, "", ["other", "work"]),
        ("couler.io/guard.deploy: never", ONE, "", ["other"]),
        ("couler.io/guard.deploy: never", GRAPH, "", ["other"]),
        ("couler.io/guard.deploy: never", FAR, "", ["other"]),
        ("couler.io/guard: never", ONE, "", ["other"]),
        ("couler.io/guard: never", WHOLE, "", []),
        ("couler.io/guard.depoly: never", ONE, "", ["other"]),
        ("", ONE, ROW.replace("KEY", "guard = 'never'"), ["other"]),
        ("", ONE, ROW.replace("step", "workflow = 'w*'\nstep").replace("KEY", "guard = 'never'"), ["other"]),
        ("", ONE, ROW.replace("'*deploy'", "'*test'").replace("KEY", "guard = 'never'"), ["other", "work"]),
    ],
)
def test_what_a_caller_forbids_is_not_written_where_it_leads(
    tmp_path: Path, said: str, reference: str, settings: str, repeated: list[str]
) -> None:
    text = LIBRARY.replace("SAID", said).replace("REFERENCE", reference)
    result = guarded(text, tmp_path, settings=settings)
    assert sorted(actions(result).keys() & {"work", "other"}) == repeated
    if "work" not in repeated:
        assert reasons(result)["work"].startswith("a caller keeps it as it is, w-*: ")


@pytest.mark.parametrize(
    ("said", "settings"),
    [
        ('couler.io/idempotent.deploy: "false"', ""),
        ('couler.io/idempotent: "false"', ""),
        ("", ROW.replace("KEY", "idempotent = false")),
    ],
)
def test_a_caller_takes_back_that_it_may_run_twice(tmp_path: Path, said: str, settings: str) -> None:
    text = LIBRARY.replace("SAID", said).replace("REFERENCE", ONE)
    result = guarded(text, tmp_path, settings=settings)
    assert actions(result)["work"].startswith("repeat failures before its start")
    assert actions(result)["other"].startswith("repeat failures that pass")


def test_a_caller_allows_nothing_elsewhere(tmp_path: Path) -> None:
    text = LIBRARY.replace('    metadata: {annotations: {couler.io/idempotent: "true"}}\n', "")
    text = text.replace("SAID", 'couler.io/idempotent.deploy: "true"').replace("REFERENCE", ONE)
    assert actions(guarded(text, tmp_path))["work"].startswith("repeat failures before its start")


RUN = """
---
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {generateName: r-, namespace: ci, annotations: {SAID}}
spec:
  pipelineRef: {name: build}
"""


@pytest.mark.parametrize("said", ["couler.io/guard: never", 'couler.io/idempotent: "false"'])
def test_a_run_forbids_retries_of_the_pipeline_that_it_calls(tmp_path: Path, said: str) -> None:
    text = dedent(REFERRING) + RUN
    assert changes(guarded(text.replace("SAID", ""), tmp_path)) == "+      retries: 2"
    assert changes(guarded(text.replace("SAID", said), tmp_path)) == ""


@pytest.mark.parametrize("said", ["couler.io/guard: never", 'couler.io/idempotent: "false"'])
def test_a_run_forbids_retries_of_single_tasks(tmp_path: Path, said: str) -> None:
    specs = f"  taskRunSpecs: [{{pipelineTaskName: NAME, metadata: {{annotations: {{{said}}}}}}}]\n"
    text = dedent(REFERRING) + RUN.replace("SAID", "") + specs
    assert changes(guarded(text.replace("NAME", "second"), tmp_path)) == "+      retries: 2"
    result = guarded(text.replace("NAME", "first"), tmp_path)
    assert changes(result) == ""
    assert reasons(result)["pipeline/first"].startswith("its run says so, couler.io/")


@pytest.mark.parametrize(
    ("said", "settings"),
    [
        ("couler.io/guard: never", ""),
        ('couler.io/idempotent: "false"', ""),
        ("a: b", "[[guard.declare]]\nimage = 'golang*'\nguard = 'never'"),
        ("a: b", "[[guard.declare]]\ntask = 'compile'\nidempotent = false"),
    ],
)
def test_one_of_several_tasks_that_could_be_meant_forbids_retries(tmp_path: Path, said: str, settings: str) -> None:
    text = dedent(REFERRING).replace(
        "namespace: ci}", "namespace: ci, annotations: {couler.io/idempotent.first: 'true'}}"
    )
    task = text.partition("---")[2].replace('couler.io/idempotent: "true"', "a: b")
    text = f"{text.partition('---')[0]}---{task.replace('a: b', said)}---{task.replace('go build', 'go test')}"
    assert changes(guarded(text.replace(said, "a: b"), tmp_path)) == "+      retries: 2"
    assert changes(guarded(text, tmp_path, settings=settings)) == ""


@pytest.mark.parametrize("text", [ARGO, TEKTON])
def test_the_steps_of_a_workflow_are_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    listed = []

    def steps_of(workflow: Workflow) -> rules.NamedSteps:
        listed.append(workflow.name)
        return rules.named_steps(workflow)

    monkeypatch.setattr(application, "named_steps", steps_of)
    assert actions(guarded(text, tmp_path))
    assert len(listed) == 1
