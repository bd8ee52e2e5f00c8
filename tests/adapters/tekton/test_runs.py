"""Past runs, from PipelineRuns and TaskRuns as a cluster prints them."""

from __future__ import annotations

from typing import Any

import pytest

from couler_plugins.documents import Document
from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Run
from couler_tekton.plugin import couler_runs

Data = dict[str, Any]


def time(seconds: int) -> str:
    return f"2026-01-01T00:{seconds // 60:02d}:{seconds % 60:02d}Z"


def pipeline_run(
    name: str, tasks: list[Data], *, state: str = "True", skipped: tuple[str, ...] = (), labels: Data | None = None
) -> Data:
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"name": name, "generateName": "train-", "namespace": "ml", "labels": labels or {}},
        "spec": {"pipelineSpec": {"tasks": tasks}},
        "status": {
            "startTime": time(0),
            "completionTime": time(90),
            "conditions": [{"type": "Succeeded", "status": state, "reason": "x"}],
            "pipelineSpec": {"tasks": tasks},
            "skippedTasks": [{"name": item, "reason": "When Expressions evaluated to false"} for item in skipped],
        },
    }


def task_run(run: str, task: str, start: int, end: int | None, state: str = "True", **status: Any) -> Data:
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": {
            "name": f"{run}-{task}-{start}",
            "namespace": "ml",
            "labels": {"tekton.dev/pipelineRun": run, "tekton.dev/pipelineTask": task},
        },
        "spec": {"params": [{"name": "in", "value": "1"}]},
        "status": {
            "startTime": time(start),
            **({"completionTime": time(end)} if end is not None else {}),
            "conditions": [{"type": "Succeeded", "status": state}],
            "taskSpec": {"steps": [{"image": "busybox"}]},
            **status,
        },
    }


def runs_of(*items: Data) -> list[Run]:
    return couler_runs(Document("runs.json", 0, {"apiVersion": "v1", "kind": "List", "items": list(items)}, 1, ""))


TASKS: list[Data] = [
    {"name": "a"},
    {"name": "b", "params": [{"name": "x", "value": "$(tasks.a.results.out)"}]},
    {"name": "c", "runAfter": ["a"]},
    {"name": "d", "runAfter": ["b", "c"]},
]


def test_what_ran_is_told_with_its_times_sizes_attempts_and_parents() -> None:
    results = [{"name": "out", "type": "string", "value": "hello"}]
    (run,) = runs_of(
        task_run("train-1", "b", 10, 40, retriesStatus=[{}]),
        task_run("train-1", "a", 0, 10, results=results),
        task_run("train-1", "d", 50, 55, "False"),
        pipeline_run("train-1", TASKS, state="False", skipped=("c",)),
    )
    assert (run.family, run.whole, len(run.steps)) == ("train", False, 4)
    steps = {step.step: step for step in run.steps}
    assert [step.step for step in run.steps] == ["pipeline/a", "pipeline/b", "pipeline/c", "pipeline/d"]
    assert {name: step.fate for name, step in steps.items()} == {
        "pipeline/a": "computed",
        "pipeline/b": "computed",
        "pipeline/c": "skipped",
        "pipeline/d": "failed",
    }
    assert (steps["pipeline/a"].seconds, steps["pipeline/b"].seconds, steps["pipeline/d"].seconds) == (10, 30, None)
    assert steps["pipeline/a"].bytes == 53
    assert steps["pipeline/b"].attempts == 2
    assert [step.parents for step in run.steps] == [(), (0,), (0,), (1, 2)]
    assert steps["pipeline/b"].key != steps["pipeline/a"].key


def test_a_matrix_is_several_steps_of_one_site() -> None:
    (run,) = runs_of(
        pipeline_run("train-1", TASKS[:1]), task_run("train-1", "a", 0, 10), task_run("train-1", "a", 1, 12)
    )
    assert [(step.step, step.site) for step in run.steps] == [
        ("pipeline/a(0)", "pipeline/a"),
        ("pipeline/a(1)", "pipeline/a"),
    ]


def test_the_parts_of_one_pipeline_are_one_run() -> None:
    parts = []
    for number, tasks in ((1, TASKS[:1]), (2, [{"name": "c"}])):
        name = f"train-1-part-{number}"
        part = pipeline_run(name, tasks, labels={"couler.io/whole": "train-1", "couler.io/part": f"part-{number}"})
        part["spec"] = {"pipelineRef": {"name": f"train-part-{number}"}}
        parts += [part, task_run(name, str(tasks[0]["name"]), number * 10, number * 20)]
    (run,) = runs_of(*parts)
    assert run.family == "train"
    assert [step.step for step in run.steps] == ["pipeline/a", "pipeline/c"]


def test_what_goes_on_is_still_to_come() -> None:
    (run,) = runs_of(pipeline_run("train-1", TASKS[:1], state="Unknown"), task_run("train-1", "a", 0, None, "Unknown"))
    assert (run.whole, run.steps[0].fate, run.steps[0].seconds) == (True, "pending", None)


def test_what_has_no_status_is_no_run() -> None:
    whole = pipeline_run("train-1", TASKS)
    del whole["status"]
    assert runs_of(whole) == []


@pytest.mark.parametrize(
    "broken",
    [{"startTime": "yesterday"}, {"conditions": [None]}, {"retriesStatus": 3}],
    ids=lambda item: next(iter(item)),
)
def test_what_tekton_does_not_write_is_refused(broken: Data) -> None:
    with pytest.raises(InvalidInput, match="is not what Tekton writes"):
        runs_of(pipeline_run("train-1", TASKS), task_run("train-1", "a", 0, 10, **broken))


def test_a_task_with_on_error_is_tolerated_unless_somebody_has_cancelled_it() -> None:
    tasks = [{"name": "scan", "onError": "continue"}, {"name": "push"}]
    reason: Data = {"conditions": [{"type": "Succeeded", "status": "False", "reason": "TaskRunCancelled"}]}
    (run,) = runs_of(
        pipeline_run("r", tasks, state="False"),
        task_run("r", "scan", 0, 10, "False"),
        task_run("r", "push", 20, 30, "False"),
    )
    assert [(ran.step, ran.tolerated) for ran in run.steps] == [("pipeline/scan", True), ("pipeline/push", False)]
    (run,) = runs_of(pipeline_run("r", tasks, state="False"), task_run("r", "scan", 0, 10, **reason))
    assert [ran.tolerated for ran in run.steps] == [False]
    (run,) = runs_of(pipeline_run("r", tasks), task_run("r", "scan", 0, 10), task_run("r", "push", 20, 30))
    assert not any(ran.tolerated for ran in run.steps)


STEP = {"image": "i", "script": "true"}
TASK: Data = {"name": "a", "taskSpec": {"steps": [STEP]}}
REQUESTS = {"steps": [{**STEP, "computeResources": {"requests": {"cpu": "1"}}}]}


@pytest.mark.parametrize(
    ("task", "owner"),
    [
        ({**TASK, "retries": 2}, "guard"),
        ({**TASK, "timeout": "5m"}, "guard"),
        ({**TASK, "taskSpec": REQUESTS}, "rightsize"),
        ({**TASK, "taskSpec": {"steps": [{**STEP, "image": "j"}]}}, "workflow"),
    ],
)
def test_layers_tell_whose_setting_of_a_pipeline_differs(task: Data, owner: str) -> None:
    before, after = (runs_of(pipeline_run("r", [one]), task_run("r", "a", 0, 9))[0].layers for one in (TASK, task))
    assert before
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} == {owner}


def test_values_and_names_of_a_run_are_in_no_layer_and_a_reference_has_none() -> None:
    one, other = pipeline_run("r", [TASK]), pipeline_run("s", [TASK])
    other["spec"]["params"] = [{"name": "day", "value": "monday"}]
    layers = [runs_of(run, task_run(run["metadata"]["name"], "a", 0, 9))[0].layers for run in (one, other)]
    assert layers[0] == layers[1] != {}
    one["spec"] = {"pipelineRef": {"name": "p"}}
    assert runs_of(one, task_run("r", "a", 0, 9))[0].layers == {}


@pytest.mark.parametrize("number", [0, 1])
def test_the_release_of_tekton_is_in_the_pipeline_run_or_its_tasks(number: int) -> None:
    things = [pipeline_run("r", [TASK]), task_run("r", "a", 0, 9)]
    things[number]["metadata"]["annotations"] = {"pipeline.tekton.dev/release": "v1.3.0"}
    assert runs_of(*things)[0].engine_version == "v1.3.0"
    things[number]["metadata"]["annotations"] = None
    assert runs_of(*things)[0].engine_version == ""
