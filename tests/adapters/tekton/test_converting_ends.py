"""What runs at the end of a run of Tekton, and what a run hands out, for others; and exit handlers for Tekton."""

from __future__ import annotations

import pytest
import yaml

from adapters.tekton.test_converting import PIPELINE, converted
from couler_plugins import Text, convert
from couler_plugins.errors import CoulerError
from oracles import argo_oracle, tekton_oracle

WHEN = "when: [{input: $(params.who), operator: notin, values: [me, you]}]"


@pytest.mark.parametrize("more", [WHEN, "matrix: {params: [{name: x, value: [p, q]}]}"])
def test_what_runs_at_the_end_may_have_a_condition_or_a_matrix(more: str) -> None:
    document = converted(PIPELINE.replace("{name: end, ", f"{{name: end, {more}, "))
    templates = {item["name"]: item for item in document["spec"]["templates"]}
    (task,) = templates[document["spec"]["onExit"]]["dag"]["tasks"]
    if more is WHEN:
        assert task["when"] == "{{=!(workflow.parameters.who in ['me', 'you'])}}"
    else:
        assert task["withItems"] == ["p", "q"]
    assert converted(PIPELINE.replace("{name: end, ", f"{{name: end, {more}, "), "kfp")["root"]["dag"]["tasks"]["exit"]


OUTCOMES = [
    ("in", "Failed", "", "workflow.status != 'Succeeded'"),
    ("notin", "Succeeded, Completed", "", "workflow.status != 'Succeeded'"),
    ("in", "Succeeded, Completed", "", "workflow.status == 'Succeeded'"),
    ("in", "Succeeded", "", "workflow.status == 'Succeeded'"),
    ("notin", "Failed", "", "workflow.status == 'Succeeded'"),
    ("notin", "None", "", None),
    ("in", "Completed", "", ""),
    ("in", "None", "", ""),
    ("in", "Succeeded", "{name: b, when: [{input: $(params.who), operator: in, values: [me]}], ", ""),
    ("in", "Failed", "{name: b, onError: continue, ", ""),
]
"""How a final task asks for the status of all tasks, what task b is, and what Argo is asked; empty where refused."""


@pytest.mark.parametrize(("operator", "values", "other", "asked"), OUTCOMES)
def test_who_runs_at_the_end_may_ask_how_the_run_went(
    operator: str, values: str, other: str, asked: str | None
) -> None:
    when = f"when: [{{input: $(tasks.status), operator: {operator}, values: [{values}]}}]"
    text = PIPELINE.replace("{name: end, ", f"{{name: end, {when}, ").replace("{name: b, ", other or "{name: b, ")
    if asked == "":
        with pytest.raises(CoulerError) as caught:
            converted(text)
        assert caught.value.feature == "Step.condition"
        assert caught.value.hint
        return
    document = converted(text)
    templates = {item["name"]: item for item in document["spec"]["templates"]}
    last = templates[document["spec"]["onExit"]]
    conditions = [task["when"] for task in last.get("dag", {}).get("tasks", [])]
    assert conditions == ([] if asked is None else [f"{{{{={asked}}}}}"])
    if asked:
        with pytest.raises(CoulerError, match="outcome"):
            converted(text, "kfp")
        (file,) = convert(Text(text, "run.yaml"), "airflow").files
        assert "trigger_rule='one_failed', bash_command='echo Failed'" in (file.text or "")


EXIT = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: exit}
spec:
  entrypoint: main
  onExit: handler
  templates:
  - name: main
    dag:
      tasks:
      - {name: a, template: leaf}
  - name: handler
    steps:
    - - {name: tell, template: leaf, when: "{{workflow.status}} CONDITION"}
  - {name: leaf, container: {image: alpine, command: [echo]}}
"""


@pytest.mark.parametrize(
    ("condition", "operator"), [("== Succeeded", "in"), ("!= Succeeded", "notin"), ("== Failed", ""), ("=~ S.*", "")]
)
def test_exit_handlers_ask_for_the_status_of_all_tasks(condition: str, operator: str) -> None:
    text = EXIT.replace("CONDITION", condition)
    if not operator:
        with pytest.raises(CoulerError) as caught:
            converted(text, "tekton")
        assert caught.value.feature == "Step.condition"
        return
    (last,) = converted(text, "tekton")["spec"]["pipelineSpec"]["finally"]
    assert last["when"] == [{"input": "$(tasks.status)", "operator": operator, "values": ["Succeeded", "Completed"]}]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{name: a, template: leaf}", "{name: a, template: leaf, continueOn: {failed: true, error: true}}"),
        ("{name: a, template: leaf}", "{name: a, template: leaf, when: '{{workflow.status}} == Succeeded'}"),
    ],
)
def test_what_tekton_would_say_otherwise_is_refused(old: str, new: str) -> None:
    """To Tekton a run failed of which a task failed that may; and only who runs at the end can ask."""
    with pytest.raises(CoulerError) as caught:
        converted(EXIT.replace("CONDITION", "== Succeeded").replace(old, new), "tekton")
    assert caught.value.feature == "Step.condition"


@pytest.mark.parametrize(
    ("old", "new", "is_sure"),
    [
        ("$(tasks.a.results.r)", "$(tasks.a.results.r)", True),
        ("name: a, ", f"name: a, {WHEN}, ", False),
        ("name: a, ", "name: a, onError: continue, ", False),
        ("name: b, ", f"name: b, {WHEN}, ", True),
    ],
)
def test_a_result_that_may_be_missing_falls_back_to_an_empty_text(old: str, new: str, is_sure: bool) -> None:
    """Argo fails a workflow that hands out what a skipped task did not make; Tekton leaves that out."""
    tasks = "".join(
        f"      - {{name: {name}, taskSpec: {{params: [{{name: x, default: y}}], results: [{{name: r}}], "
        "steps: [{image: busybox, script: echo > $(results.r.path)}]}}\n"
        for name in ("a", "b")
    )
    head, _, _ = PIPELINE.partition("    tasks:\n")
    text = f"{head}    results: [{{name: out, value: $(tasks.a.results.r)}}]\n    tasks:\n{tasks}"
    assert old in text
    (file,) = convert(Text(text.replace(old, new), "run.yaml"), "argo").files
    document = yaml.safe_load(file.text or "")
    (template,) = [item for item in document["spec"]["templates"] if "dag" in item]
    (output,) = template["outputs"]["parameters"]
    assert output["valueFrom"].get("default") == (None if is_sure else "")
    assert any(decision.action == "gives empty results" for decision in file.decisions) is not is_sure


def test_what_comes_after_a_task_without_results_has_none_either() -> None:
    """A task that reads what a skipped one did not make is skipped as well."""
    text = PIPELINE.replace(
        "{name: a, taskSpec: {steps", f"{{name: a, {WHEN}, taskSpec: {{results: [{{name: r}}], steps"
    )
    text = text.replace(
        "runAfter: [a], taskSpec: {steps: [{image: busybox, command: [echo]}]}",
        (
            "params: [{name: x, value: $(tasks.a.results.r)}], taskSpec: {params: [{name: x}], results: [{name: r}], "
            "steps: [{image: busybox, script: echo > $(results.r.path)}]}"
        ),
    )
    text = text.replace("    tasks:", "    results: [{name: out, value: $(tasks.b.results.r)}]\n    tasks:")
    (template,) = [item for item in converted(text)["spec"]["templates"] if "outputs" in item and "dag" in item]
    assert template["outputs"]["parameters"][0]["valueFrom"]["default"] == ""


@pytest.mark.oracle
def test_both_engines_take_what_is_asked_at_the_end(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Argo's own validation, and Tekton's webhook."""
    when = "when: [{input: $(tasks.status), operator: in, values: [Failed]}]"
    (verdicts,) = argo_oracle.build(tmp_path_factory).judge(
        [[converted(PIPELINE.replace("{name: end, ", f"{{name: end, {item}, ")) for item in (when, WHEN)]]
    )
    assert all(verdict.accepted for verdict in verdicts)
    documents = [converted(EXIT.replace("CONDITION", item), "tekton") for item in ("== Succeeded", "!= Succeeded")]
    assert tekton_oracle.build(tmp_path_factory).judge([("stable", documents)]) == [["", ""]]


def test_facts_of_a_run_are_those_of_the_other_engine() -> None:
    text = PIPELINE.replace("[echo, $(params.who)]", "[echo, $(context.taskRun.uid), $(context.pipelineRun.name)]")
    documents = {
        to: convert(Text(text, "run.yaml"), to, strict=True).files[0].text or "" for to in ("argo", "kfp", "airflow")
    }
    assert 'value: "{{workflow.uid}}-a"' in documents["argo"]
    assert "{{$.pipeline_job_uuid}}" in documents["kfp"]
    assert "run_id" in documents["airflow"]


def test_hooks_are_left_out_by_name_and_without_the_exit_handler() -> None:
    hook = "hooks: {early: {template: leaf, expression: \"workflow.status == 'Running'\"}}"
    text = EXIT.replace("  templates:", f"  {hook}\n  templates:").replace("CONDITION", "== Succeeded")
    (file,) = convert(Text(text, "exit.yaml"), "tekton", on_unsupported="warn").files
    assert [item.reason for item in file.decisions if item.loss == "run"] == [
        "'early' runs on an event, and not at the end (leaf)"
    ]
    assert yaml.safe_load(file.text or "")["spec"]["pipelineSpec"]["finally"]
