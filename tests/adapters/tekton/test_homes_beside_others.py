"""Settings of steps in Tekton's documents beside others: of several steps, of runs, in older objects."""

from __future__ import annotations

import yaml

from adapters.subjects import TEKTON, lower_and_write
from adapters.tekton.settings import PIPELINE, RUN, STEP, TASK, TASK_RUN, literals, plan_of, seen, set_at, written
from couler_plugins.documents.mappings import part_at as at
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Literal, Operation, Retry, replace
from couler_tekton.plugin import Options

IN_TASKS = "spec", "tasks"


def test_comments_stay() -> None:
    _, texts = lower_and_write(TEKTON, set_at(plan_of(PIPELINE), "inline", retry=2, labels={"team": "data"}))
    assert "- name: inline   # ours" in texts.texts[0]


def test_all_steps_of_a_task_get_what_they_lack() -> None:
    sized = "{name: a, image: i, computeResources: {requests: {cpu: 2}}}"
    bounded = "{name: b, image: i, computeResources: {limits: {memory: 1Gi}}}"
    steps = f"[{sized}, {bounded}, {{name: c, image: i}}, {{name: d, ref: {{name: x}}}}]"
    plan = plan_of(TASK.replace(f"[{STEP}]", steps))
    assert seen(plan)["task"].requests == ()
    data, again = written(set_at(plan, requests={"cpu": "100m", "memory": "1Mi"}))
    assert [item.get("computeResources") for item in data["spec"]["steps"]] == [
        {"requests": {"cpu": 2, "memory": "1Mi"}},
        {"limits": {"memory": "1Gi"}, "requests": {"cpu": "100m"}},  # it requests as much memory as its limit
        {"requests": {"cpu": "100m", "memory": "1Mi"}},
        {"requests": {"cpu": "100m", "memory": "1Mi"}},  # a StepAction has none, and the step that refers to it may
    ]
    assert [name for name, _ in seen(again)["task"].requests] == ["cpu", "memory"]


def test_what_all_steps_have_is_changed_and_taken_away_in_all() -> None:
    env = "env: [{name: A, value: '1'}, {name: B, value: '2'}]"
    plan = plan_of(TASK.replace(f"[{STEP}]", f"[{{name: a, image: i, {env}}}, {{name: b, image: i, {env}}}]"))
    assert seen(plan)["task"].env == literals(env={"A": "1", "B": "2"})
    changed = plan.map_steps(
        "me", lambda step: replace(step, env=literals(env={"B": "3"})), action="set", reason="to see"
    )
    data, _ = written(changed)
    assert [item["env"] for item in data["spec"]["steps"]] == [[{"name": "B", "value": "3"}]] * 2


def test_a_step_template_counts() -> None:
    template = "  stepTemplate: {computeResources: {requests: {cpu: 1}}, env: [{name: A, value: '1'}]}\n"
    step = seen(plan_of(TASK + template))["task"]
    assert (step.requests, step.env) == (literals(requests={"cpu": 1}), literals(env={"A": "1"}))


def test_what_a_run_says_of_all_tasks_and_of_one_is_in_force() -> None:
    said = """\
  taskRunTemplate: {podTemplate: {nodeSelector: {pool: small}}}
  taskRunSpecs:
  - pipelineTaskName: inline
    metadata: {labels: {team: ours}}   # kept
  - {pipelineTaskName: gone}
"""
    plan = plan_of(RUN + said)
    assert seen(plan)["far"].node_selector == literals(node_selector={"pool": "small"})
    assert seen(plan)["inline"].labels == literals(labels={"team": "ours"})
    after = set_at(plan, "inline last", labels={"team": "data"}, node_selector={"disk": "ssd"})
    data, _ = written(after)
    assert data["spec"]["taskRunSpecs"] == [
        {
            "pipelineTaskName": "inline",
            "metadata": {"labels": {"team": "data"}},
            "podTemplate": {"nodeSelector": {"pool": "small", "disk": "ssd"}},
        },
        {"pipelineTaskName": "gone"},
        {
            "pipelineTaskName": "last",
            "metadata": {"labels": {"team": "data"}},
            "podTemplate": {"nodeSelector": {"pool": "small", "disk": "ssd"}},
        },
    ]
    lowered, texts = lower_and_write(TEKTON, after)
    assert "# kept" in texts.texts[0]
    assert {traced.subject for traced in lowered.edits} == {"pipeline/inline", "pipeline/last"}


def test_a_pod_is_not_sized_beside_its_steps() -> None:
    said = (
        "  taskRunSpecs:\n  - {pipelineTaskName: far, stepSpecs: [{name: s, computeResources: {requests: {cpu: 1}}}]}\n"
    )
    after = set_at(plan_of(RUN + said), "far", requests={"memory": "1Mi"})
    assert [decision.action for decision in after.decisions] == [""]


def test_older_objects_have_their_own_names() -> None:
    older = RUN.replace("tekton.dev/v1", "tekton.dev/v1beta1")
    data, again = written(set_at(plan_of(older), "far inline", node_selector={"pool": "big"}, requests={"cpu": "1"}))
    far, inline = (
        next(item for item in data["spec"]["taskRunSpecs"] if item["pipelineTaskName"] == name)
        for name in ("far", "inline")
    )
    assert far["taskPodTemplate"] == inline["taskPodTemplate"] == {"nodeSelector": {"pool": "big"}}
    assert far["computeResources"] == {"requests": {"cpu": "1"}}
    assert at(data, ("spec", "pipelineSpec", "tasks", 0, "taskSpec", "steps", 0, "resources")) == {
        "requests": {"cpu": "1"}
    }
    assert seen(again)["far"].node_selector == literals(node_selector={"pool": "big"})


def test_tasks_of_a_pipeline_in_a_pipeline_are_beyond_the_run() -> None:
    inner = f"{{tasks: [{{name: deep, taskSpec: {{steps: [{STEP}]}}}}]}}"
    nested = RUN.replace(f"taskSpec:\n          steps: [{STEP}]", f"pipelineSpec: {inner}")
    assert "deep" in nested
    after = set_at(plan_of(nested), "deep", priority="high", labels={"team": "data"}, retry=1)
    assert [(bool(decision.action), "set it in the run" in decision.reason) for decision in after.decisions] == [
        (False, True),
        (True, False),
    ]
    data, _ = written(after)
    deep = at(data, ("spec", "pipelineSpec", "tasks", 0, "pipelineSpec", "tasks", 0))
    assert (deep["retries"], deep["taskSpec"]["metadata"]) == (1, {"labels": {"team": "data"}})


def test_an_operation_passes_its_attempts_and_time_on() -> None:
    def change(operation: Operation) -> Operation:
        return replace(operation, retry=Retry(limit=Literal(value=2)), timeout=Literal(value=1.5))

    for text, path in ((PIPELINE, (*IN_TASKS, 0)), (TASK_RUN, ("spec",))):
        data, _ = written(plan_of(text).map_operations("me", change, action="set", reason="to see"))
        assert (at(data, path)["retries"], at(data, path)["timeout"]) == (2, "1500ms")
    alone = plan_of(TASK).map_operations("me", change, action="set", reason="to see")
    assert alone.workflows == plan_of(TASK).workflows
    assert ["nothing here calls this" in decision.reason for decision in alone.decisions] == [True, True]


def test_a_cluster_that_allows_stable_fields_only_gets_no_others() -> None:
    plan = set_at(plan_of(RUN), "far", requests={"cpu": "1"})
    lowered = TEKTON.adapter.lower(plan, Options(api="stable"))
    (error,) = lowered.refused.values()
    assert isinstance(error, Unsupported)
    assert "computeResources" in error.message


def test_references_stay_what_they_are() -> None:
    read_here = "        description: $(params.who) of $(context.pipelineRun.name)\n"
    text = (
        RUN.replace(f"          steps: [{STEP}]\n", f"          steps: [{STEP}]\n  {read_here}", 1)
        + "  params: [{name: who, value: x}]\n"
    )
    assert yaml.safe_load(text)["spec"]["pipelineSpec"]["tasks"][0]["taskSpec"]["description"]
    written(set_at(plan_of(text), "inline", labels={"team": "data"}))
