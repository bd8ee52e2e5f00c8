"""Documents whose kind, version or group is misspelt: no adapter sees them, so lint says so."""

from __future__ import annotations

import pytest

from adapters.subjects import SUBJECTS
from couler_plugins import Text, lint, optimize
from couler_plugins.documents import read
from couler_plugins.inputs.unknown_kinds import misnamed


def found(text: str, engine: str | None = None) -> list[tuple[str, str, int | None, str]]:
    linted = lint(Text(text, "a.yaml"), engine=engine)
    return [(item.severity, item.code, item.line, item.hint) for item in linted.findings]


def document(api: str, kind: str) -> str:
    return f"metadata: {{name: a}}\napiVersion: {api}\nkind: {kind}\nspec: {{}}\n"


@pytest.mark.parametrize(
    ("api", "kind", "finding"),
    [
        ("argoproj.io/v1alpha1", "Workflw", ("error", "unknown-kind", 3, "did you mean 'Workflow'?")),
        ("argoproj.io/v1alpha1", "workflow", ("error", "unknown-kind", 3, "did you mean 'Workflow'?")),
        ("argoproj.io/v1alpha1", "CronJobWorkflow", ("error", "unknown-kind", 3, "did you mean 'CronWorkflow'?")),
        ("tekton.dev/v1", "PipelneRun", ("error", "unknown-kind", 3, "did you mean 'PipelineRun'?")),
        ("tekton.dev/v1", "TASKRUN", ("error", "unknown-kind", 3, "did you mean 'TaskRun'?")),
        ("tekton.dev/v1beta2", "Task", ("error", "unknown-version", 2, "write tekton.dev/v1")),
        ("tekton.dev/v1alpha1", "Pipeline", ("error", "unknown-version", 2, "write tekton.dev/v1")),
        ("tekton.dev", "Task", ("error", "unknown-version", 2, "write tekton.dev/v1")),
        ("tekton.dv/v1", "Task", ("error", "unknown-group", 2, "did you mean 'tekton.dev'?")),
        ("argoproj.com/v1alpha1", "CronWorkflow", ("error", "unknown-group", 2, "did you mean 'argoproj.io'?")),
    ],
)
def test_what_is_nearly_right_is_an_error(api: str, kind: str, finding: tuple[str, str, int, str]) -> None:
    assert found(document(api, kind)) == [finding]


def test_an_argo_workflow_of_another_version_is_an_error_beside_what_else_there_is() -> None:
    assert ("error", "unknown-version", 2, "write argoproj.io/v1alpha1") in found(
        document("argoproj.io/v1", "Workflow")
    )


def test_a_kind_that_is_like_none_is_a_warning() -> None:
    ((severity, code, _, hint),) = found(document("tekton.dev/v1", "Zebra"))
    assert (severity, code) == ("warning", "unknown-kind")
    assert "PipelineRun" in hint


@pytest.mark.parametrize(
    ("api", "kind"),
    [
        ("argoproj.io/v1alpha1", "Application"),
        ("argoproj.io/v1alpha1", "WorkflowEventBinding"),
        ("argoproj.io/v1alpha1", "WorkflowList"),
        ("argoproj.io/v1alpha1", "RolloutList"),
        ("tekton.dev/v1beta1", "CustomRun"),
        ("operator.tekton.dev/v1alpha1", "TektonConfig"),
        ("triggers.tekton.dev/v1beta1", "Task"),
        ("apps/v1", "Deployment"),
        ("v1", "Pipeline"),
        ("example.com/v1", "Workflw"),
    ],
)
def test_what_is_somebody_elses_is_left_alone(api: str, kind: str) -> None:
    assert found(document(api, kind)) == []


def test_items_of_a_list_are_looked_at() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: tekton.dev/v1, kind: Taks}\n- {a: 1}\n- 3\n"
    assert found(text) == [("error", "unknown-kind", 4, "did you mean 'Task'?")]


def test_of_the_engine_that_was_chosen_only() -> None:
    text = document("argoproj.io/v1alpha1", "Workflw") + "---\n" + document("tekton.dev/v1", "Taks")
    assert [code for _, code, _, _ in found(text)] == ["unknown-kind"] * 2
    assert [line for *_, line, _ in found(text, "tekton")] == [8]


def test_such_a_document_counts_as_checked() -> None:
    assert lint(Text(document("tekton.dev/v1", "Taks"), "a.yaml")).documents == 1


def test_nothing_is_said_of_the_corpora() -> None:
    """Every kind and version that the adapters lift is one of their groups."""
    for subject in SUBJECTS:
        groups = getattr(subject.adapter, "groups", ())
        for path in subject.files():
            documents = read(path.read_bytes(), path.name).documents
            ours = [number for number, item in enumerate(documents) if subject.adapter.claims(item)]
            assert [item for item in misnamed(documents, groups) if item.document in ours] == [], path.name


def test_who_optimizes_such_a_document_is_warned(caplog: pytest.LogCaptureFixture) -> None:
    text = document("argoproj.io/v1alpha1", "Workflw") + "---\n" + document("tekton.dev/v1", "Zebra")
    (file,) = optimize(Text(text, "a.yaml")).files
    assert (file.status, file.text, file.workflows) == ("ok", text, 0)
    wanted = "a.yaml:3: argoproj.io has no kind 'Workflw': no engine would see this; did you mean 'Workflow'?"
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [wanted]
