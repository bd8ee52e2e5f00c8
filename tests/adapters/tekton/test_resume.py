"""Runs of Tekton that are resumed: what is taken over of results and workspaces, and what is lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.subjects import TEKTON, lift_source, lower_and_write
from adapters.tekton.split.interpreter import run_document
from adapters.tekton.test_archive import Results
from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.past_runs import ArchiveSource
from couler_plugins.hookspecs.resuming import PastRun, RunSource
from couler_plugins.resuming.optimizer import Resume
from couler_tekton.resume import resume
from optimizers.running import CONTEXT
from servers.json_server import json_server, kubeconfig, listing

NOWHERE = ArchiveSource(place="", max_bytes=1)
Document = dict[str, Any]


def task(name: str, script: Any = "true", *after: str, results: Any = (), **more: Any) -> Document:
    params = [{"name": item["name"]} for item in more.get("params", ())]
    spec = {"params": params, "results": [{"name": item} for item in results]}
    spec["steps"] = [{"name": "s", "image": "busybox:1", "script": script}]
    return {"name": name, "taskSpec": spec, **({"runAfter": list(after)} if after else {}), **more}


def ran(name: str, status: str = "True", number: int = 0, **results: Any) -> Document:
    said = [{"name": key, "type": "string", "value": value} for key, value in results.items()]
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": {"name": f"r-{name}-{number}", "labels": {"tekton.dev/pipelineTask": name}},
        "spec": {},
        "status": {
            "conditions": [{"type": "Succeeded", "status": status, "reason": "Said"}],
            "results": said,
        },
    }


def failed(tasks: list[Document], runs: list[Document], **more: Any) -> list[Document]:
    """A run that failed, with its TaskRuns; `more` is of its pipeline, its spec, its metadata or its status."""
    pipeline = {"tasks": tasks, **more.pop("pipeline", {})}
    children = [
        {"name": run["metadata"]["name"], "pipelineTaskName": run["metadata"]["labels"]["tekton.dev/pipelineTask"]}
        for run in runs
    ]
    condition = {"type": "Succeeded", "status": "False"}
    status = {"conditions": [condition], "childReferences": children, "pipelineSpec": pipeline}
    run = {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"name": "r", "uid": "u", "labels": {"tekton.dev/pipeline": "r"}, **more.pop("metadata", {})},
        "spec": {"pipelineSpec": pipeline, **more.pop("spec", {})},
        "status": {**status, **more.pop("status", {})},
    }
    return [run, *runs]


def past(documents: list[Document]) -> PastRun:
    listed = {"apiVersion": "v1", "kind": "List", "items": documents}
    return resume(RunSource(run="r", documents=(listed,), archive=NOWHERE))


def resumed(documents: list[Document]) -> tuple[Document, dict[str, str]]:
    """The new run, and what runs again, with the reason."""
    run = past(documents)
    plan = lift_source(TEKTON, read(json.dumps(run.document), "run.json"))
    pass_ = Resume(run, plan.workflows[0])
    lowered, _ = lower_and_write(TEKTON, pass_.run(plan, CONTEXT))
    assert not lowered.refused
    new: Document = lowered.documents[0]
    return new, {"/".join(item.place): item.reason for item in pass_.verdicts if item.action == "again"}


def tasks_of(new: Document) -> dict[str, Document]:
    return {item["name"]: item for item in new["spec"]["pipelineSpec"]["tasks"]}


def read_by(*values: Any) -> list[Document]:
    return [{"name": f"x{number}", "value": value} for number, value in enumerate(values)]


NAMES = {
    "tekton.dev/auto-cleanup-pvc": True,
    "dashboard.tekton.dev/rerunOf": True,
    "team.example.com/owner": True,
    "tekton.dev/team": True,
    "chains.tekton.dev/transparency-upload": True,
    "results.tekton.dev/resultAnnotations": True,
    "results.tekton.dev/recordSummaryAnnotations": True,
    "tekton.dev/pipeline": False,
    "tekton.dev/pipelineRun": False,
    "tekton.dev/pipelineRunUID": False,
    "tekton.dev/pipelineTask": False,
    "tekton.dev/memberOf": False,
    "tekton.dev/customRun": False,
    "tekton.dev/run": False,
    "tekton.dev/taskRunUID": False,
    "tekton.dev/pipelinerunSpanContext": False,
    "tekton.dev/taskrunSpanContext": False,
    "pipeline.tekton.dev/release": False,
    "chains.tekton.dev/signed": False,
    "chains.tekton.dev/transparency": False,
    "chains.tekton.dev/payload-pipelinerun-u": False,
    "results.tekton.dev/result": False,
    "results.tekton.dev/stored": False,
    "triggers.tekton.dev/triggers-eventid": False,
    "pipelinesascode.tekton.dev/state": False,
    "pipelinesascode.tekton.dev/on-event": False,
}
"""Labels and annotations, and whether they are of the new run as well."""


@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_names_of_people_stay_and_those_that_say_which_run_it_was_go(field: str) -> None:
    documents = failed(
        [task("a"), task("b")], [ran("a"), ran("b", "False")], metadata={field: dict.fromkeys(NAMES, "x")}
    )
    kept = {name: "x" for name, stays in NAMES.items() if stays}
    assert resumed(documents)[0]["metadata"][field] == kept | (
        {"couler.io/resumes": "r"} if field == "annotations" else {}
    )


def test_results_are_values_and_the_run_is_another_one() -> None:
    tasks = [
        task("a", results=("y",)),
        task("b", "true", params=read_by("$(tasks.a.results.y)", "<$(tasks.a.results.y)>")),
    ]
    new, again = resumed(failed(tasks, [ran("a", y="7"), ran("b", "False")], spec={"status": "Cancelled"}))
    assert new["metadata"] == {"generateName": "r-", "annotations": {"couler.io/resumes": "r"}}
    assert "status" not in new["spec"]
    assert tasks_of(new)["b"]["params"] == read_by("7", "<7>")
    assert (list(tasks_of(new)), again) == (["b"], {"b": "it failed"})


def test_lists_and_mappings_are_taken_over_by_their_parts() -> None:
    values = ("$(tasks.a.results.list[*])", "$(tasks.a.results.list[1])", "$(tasks.a.results.map.key)")
    tasks = [task("a", results=("list", "map")), task("b", params=read_by(*values))]
    new, again = resumed(failed(tasks, [ran("a", list=["1", "2"], map={"key": "v"}), ran("b", "False")]))
    assert tasks_of(new)["b"]["params"] == read_by(["1", "2"], "2", "v")
    assert again == {"b": "it failed"}


def test_a_matrix_gives_lists_in_the_order_of_its_combinations() -> None:
    matrix = {"matrix": {"params": [{"name": "x0", "value": ["1", "2"]}]}}
    tasks = [task("a", results=("y",)) | matrix, task("b", params=read_by("$(tasks.a.results.y[*])"))]
    new, _ = resumed(failed(tasks, [ran("a", y="10"), ran("a", number=1, y="20"), ran("b", "False")]))
    assert tasks_of(new)["b"]["params"] == read_by(["10", "20"])
    _, again = resumed(failed(tasks, [ran("a", y="10"), ran("a", "False", number=1)]))
    assert again == {"a": "it failed, and a loop runs again as a whole", "b": "it was not reached"}


def test_a_result_that_looks_like_a_variable_is_computed_again() -> None:
    tasks = [task("a", results=("y",)), task("b", params=read_by("$(tasks.a.results.y)"))]
    _, again = resumed(failed(tasks, [ran("a", y="$(params.x)"), ran("b", "False")]))
    assert again["a"] == "b reads its y (Tekton would take it for a variable)"


def test_a_task_whose_run_was_pruned_runs_again() -> None:
    documents = failed([task("a"), task("b", "true", "a")], [ran("a"), ran("b", "False")])
    _, again = resumed([item for item in documents if item["metadata"]["name"] != "r-a-0"])
    assert again == {"a": "its TaskRun is gone", "b": "it failed"}


CUSTOM = {"apiVersion": "cel.tekton.dev/v1alpha1", "kind": "CEL", "name": "a"}


def of_custom(**changed: Any) -> list[Document]:
    """A run whose first task a custom controller did."""
    first: Document = {"name": "a", "taskRef": CUSTOM, "params": read_by("1")}
    tasks = [first, task("b", params=read_by("$(tasks.a.results.y)"))]
    documents = failed(tasks, [ran("a", y="7"), ran("b", "False")])
    documents[1] |= {"apiVersion": "tekton.dev/v1beta1", "kind": "CustomRun"} | changed
    del documents[1]["status"]["results"][0]["type"]
    documents[0]["status"]["childReferences"][0] |= {"apiVersion": "tekton.dev/v1beta1", "kind": "CustomRun"}
    return documents


def test_a_custom_task_that_is_done_gave_what_its_run_says() -> None:
    new, again = resumed(of_custom())
    assert (tasks_of(new)["b"]["params"], again) == (read_by("7"), {"b": "it failed"})


def test_a_custom_task_whose_run_is_not_there_runs_again() -> None:
    run, _, other = of_custom()
    assert resumed([run, other])[1] == {"a": "its CustomRun is gone", "b": "it failed"}
    task_run = of_custom(kind="TaskRun", apiVersion="tekton.dev/v1")  # another one of that name
    assert resumed(task_run)[1]["a"] == "its CustomRun is gone"


@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_a_custom_task_that_is_not_done_runs_again(status: str) -> None:
    documents = of_custom()
    documents[1]["status"]["conditions"][0]["status"] = status
    assert list(resumed(documents)[1]) == ["a", "b"]


def test_a_custom_task_that_was_edited_runs_again() -> None:
    run = past(of_custom())
    (original,) = lift_source(TEKTON, read(json.dumps(run.document), "run.json")).workflows
    run.document["spec"]["pipelineSpec"]["tasks"][0]["taskRef"]["name"] = "other"
    pass_ = Resume(run, original)
    pass_.run(lift_source(TEKTON, read(json.dumps(run.document), "w.json")), CONTEXT)
    assert [item.reason for item in pass_.verdicts] == ["its call was changed", "it failed"]


def test_a_matrix_of_which_not_all_may_have_been_started_runs_again() -> None:
    matrix = {"matrix": {"params": [{"name": "x0", "value": ["1", "2"]}]}}
    documents = failed([task("a") | matrix, task("b"), task("c")], [ran("a"), ran("b"), ran("c", "False")])
    documents[0]["status"]["conditions"][0]["reason"] = "CreateRunFailed"
    assert resumed(documents)[1] == {"a": "not all of its items may have been started", "c": "it failed"}


def test_a_task_by_whose_results_the_run_names_a_workspace_runs_again() -> None:
    binding = {"name": "work", "persistentVolumeClaim": {"claimName": "$(tasks.a.results.y)"}}
    tasks = [task("a", results=("y",)), task("b"), task("c")]
    runs = [ran("a", y="7"), ran("b"), ran("c", "False")]
    _, again = resumed(failed(tasks, runs, spec={"workspaces": [binding]}))
    assert again == {"a": "a workspace of the run reads its results", "c": "it failed"}


@pytest.mark.parametrize("field", ["args", "command"])
def test_a_list_that_is_among_the_arguments_of_a_container_is_made_again(field: str) -> None:
    second = {"name": "b", "taskSpec": {"steps": [{"image": "busybox:1", field: ["$(tasks.a.results.y[*])"]}]}}
    _, again = resumed(failed([task("a", results=("y",)), second], [ran("a", y=["7"]), ran("b", "False")]))
    assert again == {"a": "b reads its y (it cannot be written into a text)", "b": "it failed"}


def test_a_folder_that_is_called_as_the_pipeline_in_the_run_is_filled_again() -> None:
    script = "ls /data/$(context.pipeline.name)"
    _, again = resumed(failed([task("a", script), task("b", script)], [ran("a"), ran("b", "False")]))
    assert again["a"] == "it shares context.pipeline.name with b (the new run has another)"


@pytest.mark.parametrize("call", ["pipelineSpec", "pipelineRef"])
def test_a_pipeline_inside_another_one_runs_again(call: str) -> None:
    inner = {"tasks": [task("in")]} if call == "pipelineSpec" else {"name": "p"}
    documents = failed([{"name": "a", call: inner}, task("b", "true", "a")], [ran("a"), ran("b", "False")])
    documents[0]["status"]["childReferences"][0]["kind"] = "PipelineRun"
    assert resumed(documents)[1]["a"] == "a pipeline inside another one runs again as a whole"


def test_conditions_and_finally_read_how_tasks_ended() -> None:
    when = {"when": [{"input": "$(tasks.a.results.y)", "operator": "in", "values": ["7"]}]}
    last = task("last", params=read_by("$(tasks.a.status)", "$(tasks.a.results.y)"))
    tasks = [task("a", results=("y",)), task("no", **when), task("b", "true", "no", **when)]
    skipped = {"skippedTasks": [{"name": "no", "reason": "When Expressions evaluated to false"}]}
    documents = failed(
        tasks, [ran("a", y="7"), ran("b", "False"), ran("last")], status=skipped, pipeline={"finally": [last]}
    )
    new, again = resumed(documents)
    assert again == {"b": "it failed", "last": "it runs at the end of every run"}
    assert tasks_of(new)["b"]["when"][0]["input"] == "7"
    assert new["spec"]["pipelineSpec"]["finally"][0]["params"] == read_by("Succeeded", "7")


def test_tasks_of_a_run_that_stopped_were_not_reached() -> None:
    stopped = {"skippedTasks": [{"name": "c", "reason": "PipelineRun was stopping"}]}
    tasks = [task("a"), task("b"), task("c", "true", "a")]
    _, again = resumed(failed(tasks, [ran("a"), ran("b", "False")], status=stopped))
    assert again == {"b": "it failed", "c": "it was not reached"}


def test_a_condition_that_was_false_counts_also_where_the_run_was_stopping() -> None:
    said = [{"input": "7", "operator": "notin", "values": ["7"]}]
    stopped = {"skippedTasks": [{"name": "no", "reason": "PipelineRun was stopping", "whenExpressions": said}]}
    tasks = [task("no", when=said), task("a", "true", "no"), task("b")]
    _, again = resumed(failed(tasks, [ran("a"), ran("b", "False")], status=stopped))
    assert again == {"b": "it failed"}


def test_a_condition_whose_results_nobody_has_looked_up_was_not_false() -> None:
    """Tekton writes the conditions of tasks that it does not reach as they stand in the pipeline."""
    said = [{"input": "$(tasks.a.results.y)", "operator": "in", "values": ["7"]}]
    stopped = {"skippedTasks": [{"name": "c", "reason": "PipelineRun was stopping", "whenExpressions": said}]}
    tasks = [task("a", results=("y",)), task("b"), task("c", when=said)]
    new, again = resumed(failed(tasks, [ran("a", y="7"), ran("b", "False")], status=stopped))
    assert again == {"b": "it failed", "c": "it was not reached"}
    assert tasks_of(new)["c"]["when"] == [{**said[0], "input": "7"}]


def test_what_the_webhook_writes_is_no_edit() -> None:
    tasks = [task("a", results=("y",)), task("b", "true", params=read_by("$(tasks.a.results.y)"))]
    documents = failed(tasks, [ran("a", y="7"), ran("b", "False")])
    written = {**documents[0], "metadata": {"generateName": "r-"}}
    documents = json.loads(json.dumps(documents))
    documents[0]["spec"] |= {"taskRunTemplate": {"serviceAccountName": "default"}, "timeouts": {"pipeline": "1h0m0s"}}
    for item in documents[0]["spec"]["pipelineSpec"]["tasks"]:
        item["taskSpec"] |= {"metadata": {}, "spec": None}
        item["taskSpec"]["steps"][0]["computeResources"] = {}
        for declared in (*item["taskSpec"]["params"], *item["taskSpec"]["results"]):
            declared["type"] = "string"
    run = past(documents)
    (original,) = lift_source(TEKTON, read(json.dumps(run.document), "run.json")).workflows
    del written["status"]
    plan = lift_source(TEKTON, read(json.dumps(written), "w.json"))
    pass_ = Resume(run, original)
    pass_.run(plan, CONTEXT)
    assert [item.action for item in pass_.verdicts] == ["done", "again"]
    sizes = [{"pipelineTaskName": "b", "computeResources": {"limits": {"memory": "2Gi"}}}]
    plan = lift_source(
        TEKTON, read(json.dumps({**written, "spec": {**written["spec"], "taskRunSpecs": sizes}}), "w.json")
    )
    pass_.run(plan, CONTEXT)
    assert [item.action for item in pass_.verdicts] == ["done", "again"]
    of_one = {"pipelineTaskName": "a", "serviceAccountName": "other"}
    claim = {"name": "w", "persistentVolumeClaim": {"claimName": "c"}}
    for more in (
        {"taskRunTemplate": {"serviceAccountName": "other"}},
        {"taskRunTemplate": {"podTemplate": {"securityContext": {"runAsUser": 1}}}},
        {"taskRunSpecs": [of_one]},
        {"workspaces": [claim]},
        {"whatComesNext": 1},
    ):
        plan = lift_source(TEKTON, read(json.dumps({**written, "spec": {**written["spec"], **more}}), "w.json"))
        pass_.run(plan, CONTEXT)
        assert pass_.verdicts[0].reason == "settings of all steps changed"


def test_a_workspace_on_another_volume_is_an_edit_and_a_claim_that_was_made_is_none() -> None:
    documents = failed([task("a"), task("b", after=["a"])], [ran("a"), ran("b", "False")])
    spec = documents[0]["spec"]
    for asked, edited, first in (
        ({"persistentVolumeClaim": {"claimName": "c"}}, {"persistentVolumeClaim": {"claimName": "d"}}, "again"),
        ({"volumeClaimTemplate": {"spec": {}, "status": {}}}, {"volumeClaimTemplate": {"spec": {}}}, "done"),
    ):
        spec["workspaces"] = [{"name": "w", **asked}]
        run = past(documents)
        (original,) = lift_source(TEKTON, read(json.dumps(run.document), "run.json")).workflows
        said = {"workspaces": [{"name": "w", **edited}], "timeouts": {"pipeline": "2h"}}
        file = {**run.document, "spec": {**run.document["spec"], **said}}
        pass_ = Resume(run, original)
        pass_.run(lift_source(TEKTON, read(json.dumps(file), "w.json")), CONTEXT)
        assert pass_.verdicts[0].action == first


def test_results_of_the_pipeline_that_are_constants_are_in_the_old_run_only() -> None:
    handed = [
        {"name": "one", "value": "$(tasks.a.results.y)"},
        {"name": "two", "value": "$(tasks.b.results.z)$(tasks.a.results.y)"},
    ]
    tasks = [task("a", results=("y",)), task("b", "true", "a", results=("z",))]
    new, again = resumed(failed(tasks, [ran("a", y="7"), ran("b", "False")], pipeline={"results": handed}))
    assert new["spec"]["pipelineSpec"]["results"] == [{"name": "two", "value": "$(tasks.b.results.z)7"}]
    assert again == {"b": "it failed"}
    run = past(failed(tasks, [ran("a", y="7"), ran("b", "False")], pipeline={"results": handed}))
    plan = lift_source(TEKTON, read(json.dumps(run.document), "run.json"))
    pass_ = Resume(run, plan.workflows[0])
    pass_.run(plan, CONTEXT)
    assert pass_.notes == ["results that are of r only: one"]


def test_a_result_that_would_begin_with_a_constant_needs_its_task() -> None:
    handed = [{"name": "two", "value": "$(tasks.a.results.y)$(tasks.b.results.z)"}]
    tasks = [task("a", results=("y",)), task("b", "true", "a", results=("z",))]
    _, again = resumed(failed(tasks, [ran("a", y="7"), ran("b", "False")], pipeline={"results": handed}))
    assert again["a"] == "its graph gives two (which the engine cannot say of a constant)"


def shared(binding: Document, **more: Any) -> list[Document]:
    """A run whose tasks `a` and `b` share a workspace, of which `b` failed."""
    use = {"workspaces": [{"name": "w", "workspace": "work"}]}
    return failed(
        [task("a", **use), task("other"), task("b", "true", "a", **use)],
        [ran("a"), ran("other"), ran("b", "False")],
        spec={"workspaces": [{"name": "work", **binding}]},
        pipeline={"workspaces": [{"name": "work"}]},
        **more,
    )


def test_a_claim_of_the_old_run_is_bound_by_its_name() -> None:
    claim = f"pvc-{hashlib.sha256(b'worku').hexdigest()[:10]}"
    documents = shared({"volumeClaimTemplate": {"spec": {}}, "subPath": "x"})
    new, again = resumed(documents)
    assert new["spec"]["workspaces"] == [
        {"name": "work", "subPath": "x", "persistentVolumeClaim": {"claimName": claim}}
    ]
    assert again == {"b": "it failed"}
    assert past(documents).notes == (f"the new run uses {claim}: keep r until it has ended",)
    second = shared({}, metadata={"annotations": {"couler.io/resumes": "first"}})
    assert past(second).notes == ("r uses what first has done: keep that one, too",)


def test_a_folder_that_is_called_as_the_run_is_filled_again() -> None:
    use: Document = {"workspaces": [{"name": "w", "workspace": "work", "subPath": "$(context.pipelineRun.name)"}]}
    binding = {"name": "work", "persistentVolumeClaim": {"claimName": "mine"}}
    tasks = [task("a", **use), task("other"), task("b", "true", "a", **use)]
    last = {"finally": [task("last", "echo $(context.pipelineRun.uid)")]}
    tasks[1]["params"] = read_by("$(context.pipelineRun.uid)")
    runs = [ran("a"), ran("other"), ran("b", "False"), ran("last")]
    documents = failed(tasks, runs, spec={"workspaces": [binding]}, pipeline=last)
    why = "it shares context.pipelineRun.name with b (the new run has another)"
    assert resumed(documents)[1] == {"a": why, "b": "it failed", "last": "it runs at the end of every run"}


def test_a_claim_that_stands_by_itself_stays() -> None:
    binding = {"persistentVolumeClaim": {"claimName": "mine"}}
    new, again = resumed(shared(binding))
    assert (new["spec"]["workspaces"], again) == ([{"name": "work", **binding}], {"b": "it failed"})


@pytest.mark.parametrize(
    ("binding", "metadata", "why"),
    [
        ({"emptyDir": {}}, {}, "an emptyDir goes with its pods"),
        (
            {"volumeClaimTemplate": {"metadata": {"name": "c"}}},
            {"annotations": {"tekton.dev/auto-cleanup-pvc": "true"}},
            f"the claim c-{hashlib.sha256(b'worku').hexdigest()[:10]} was deleted",
        ),
    ],
)
def test_a_workspace_that_is_gone_is_filled_again(binding: Document, metadata: Document, why: str) -> None:
    new, again = resumed(shared(binding, metadata=metadata))
    assert again == {"a": f"it shares the workspace work with b ({why})", "b": "it failed"}
    assert new["spec"]["workspaces"] == [{"name": "work", **binding}]


def test_a_pipeline_of_the_cluster_is_written_into_the_new_run() -> None:
    documents = failed([task("a"), task("b", "true", "a")], [ran("a"), ran("b", "False")])
    documents[0]["spec"] = {"pipelineRef": {"name": "p"}, "params": [{"name": "x", "value": "1"}]}
    new, again = resumed(documents)
    assert (list(tasks_of(new)), again) == (["b"], {"b": "it failed"})
    assert "pipelineRef" not in new["spec"]


def test_the_new_run_gives_every_task_what_a_whole_run_gives_it() -> None:
    tasks = [
        task("a", results=("y",)),
        task("b", "true", "a", results=("y",)),
        task("c", params=read_by("$(tasks.a.results.y)", "$(tasks.b.results.y)-")),
    ]
    run = failed(tasks, [])[0]
    whole = run_document([], run)
    first = run_document([], run, failing=frozenset({"c"}))
    assert first.order == ["a", "b", "c"]
    results = {name: outputs_of(run, name) for name in ("a", "b")}
    runs = [ran(name, **results[name]) for name in ("a", "b")]
    new, again = resumed(failed(tasks, [*runs, ran("c", "False")]))
    second = run_document([], new)
    assert (second.order, again) == (["c"], {"c": "it failed"})
    assert second.tasks["c"] == whole.tasks["c"]


def outputs_of(run: Document, name: str) -> Document:
    """What the interpreter says that a task gives."""
    reading = json.loads(json.dumps(run))
    reading["spec"]["pipelineSpec"]["results"] = [{"name": "y", "value": f"$(tasks.{name}.results.y)"}]
    return run_document([], reading).results


def test_a_run_is_one_that_has_ended_and_no_part_of_another() -> None:
    documents = failed([task("a")], [ran("a")])
    with pytest.raises(InvalidInput, match="there is no run 'r'"):
        past(documents[1:])
    with pytest.raises(InvalidInput, match="there are 2 runs"):
        past([documents[0], documents[0]])
    with pytest.raises(InvalidInput, match="is a part of a pipeline"):
        past(failed([task("a")], [], metadata={"labels": {"couler.io/whole": "w"}}))
    running = {"conditions": [{"type": "Succeeded", "status": "Unknown"}]}
    with pytest.raises(InvalidInput, match="has not ended"):
        past(failed([task("a")], [], status=running))


@pytest.mark.parametrize("part", ["spec", "metadata"])
def test_what_tekton_never_writes_is_refused(part: str) -> None:
    documents = shared({"volumeClaimTemplate": {}})
    documents[0][part] = {"name": "r", "annotations": 7} if part == "metadata" else None
    with pytest.raises(InvalidInput, match="r is not what Tekton writes"):
        past(documents)


def test_a_run_of_an_older_version_stays_one() -> None:
    documents = failed([task("a"), task("b", "true", "a")], [ran("a"), ran("b", "False")])
    documents[0] |= {"apiVersion": "tekton.dev/v1beta1"}
    documents[0]["spec"] |= {"serviceAccountName": "builder", "timeout": "1h"}
    new, again = resumed(documents)
    assert (new["apiVersion"], new["spec"]["serviceAccountName"]) == ("tekton.dev/v1beta1", "builder")
    assert again == {"b": "it failed"}


def test_what_a_task_is_called_is_no_edit() -> None:
    documents = failed([task("a"), task("b", "true", "a")], [ran("a"), ran("b", "False")])
    run = past(documents)
    (original,) = lift_source(TEKTON, read(json.dumps(run.document), "run.json")).workflows
    for item in run.document["spec"]["pipelineSpec"]["tasks"]:
        item["displayName"] = item["taskSpec"]["description"] = "mended"
        item["taskSpec"]["metadata"] = {"annotations": {"couler.io/idempotent": "true"}}
    pass_ = Resume(run, original)
    pass_.run(lift_source(TEKTON, read(json.dumps(run.document), "w.json")), CONTEXT)
    assert [item.action for item in pass_.verdicts] == ["done", "again"]


def test_a_run_that_is_in_tekton_results_is_read_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COULER_TEKTON_TOKEN", "a-token")
    use: Document = {"workspaces": [{"name": "w", "workspace": "work"}]}
    binding = {"name": "work", "volumeClaimTemplate": {}}
    documents = failed(
        [task("a", **use), task("b", "true", "a")], [ran("a"), ran("b", "False")], spec={"workspaces": [binding]}
    )
    for item in documents:
        item["metadata"] |= {"namespace": "ml", "uid": f"u-{item['metadata']['name']}"}
        item["metadata"].setdefault("labels", {})["tekton.dev/pipelineRun"] = "r"
        item["status"] |= {"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:01:00Z"}
    with json_server(Results(*documents)) as server:
        run = resume(RunSource(run="r", archive=ArchiveSource(place=server.url, max_bytes=10**6, namespace="ml")))
    assert {place[0]: ended.outcome for place, ended in run.steps.items()} == {"a": "succeeded", "b": "failed"}
    assert run.notes == ()  # the claim is gone with the run


def test_custom_runs_are_read_in_tekton_results_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COULER_TEKTON_TOKEN", "a-token")
    documents = of_custom()
    for item in documents:
        item["metadata"] |= {"namespace": "ml", "uid": f"u-{item['metadata']['name']}"}
        item["metadata"].setdefault("labels", {})["tekton.dev/pipelineRun"] = "r"
        item["status"] |= {"startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:01:00Z"}
    with json_server(Results(*documents)) as server:
        run = resume(RunSource(run="r", archive=ArchiveSource(place=server.url, max_bytes=10**6, namespace="ml")))
    assert {place[0]: ended.outcome for place, ended in run.steps.items()} == {"a": "succeeded", "b": "failed"}


@pytest.mark.parametrize("is_custom", [True, False])
def test_the_cluster_is_asked_for_custom_runs_where_there_are_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_custom: bool
) -> None:
    first, *others = of_custom() if is_custom else failed([task("a"), task("b")], [ran("a"), ran("b", "False")])
    asked: list[str] = []

    def answers(path: str, query: Mapping[str, str]) -> Any:
        asked.append(path)
        if path.endswith("/pipelineruns/r"):
            return first
        kind = "CustomRun" if path.endswith("/tekton.dev/v1beta1/namespaces/ml/customruns") else "TaskRun"
        return listing(kind, [item for item in others if item["kind"] == kind], query)

    with json_server(answers) as server:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, server.url)))
        place = ArchiveSource(place="cluster", max_bytes=10**6, namespace="ml")
        run = resume(RunSource(run="r", archive=place))
    assert {place[0]: ended.outcome for place, ended in run.steps.items()} == {"a": "succeeded", "b": "failed"}
    assert any("customruns" in path for path in asked) == is_custom


def test_tasks_that_are_written_where_they_are_called_go_also_beside_a_remote_one() -> None:
    remote = {"name": "b", "taskRef": {"resolver": "git"}, "params": read_by("$(tasks.a.results.y)")}
    new, _ = resumed(failed([task("a", results=("y",)), remote], [ran("a", y="7"), ran("b", "False")]))
    assert tasks_of(new) == {"b": {**remote, "params": read_by("7")}}


def test_what_a_run_says_of_tasks_that_are_done_goes_with_them() -> None:
    said = [{"pipelineTaskName": name, "serviceAccountName": "builder"} for name in ("a", "b", "last")]
    more: Document = {"pipeline": {"finally": [task("last")]}, "spec": {"taskRunSpecs": said}}
    new, again = resumed(failed([task("a"), task("b")], [ran("a"), ran("b", "False"), ran("last")], **more))
    assert (new["spec"]["taskRunSpecs"], list(again)) == (said[1:], ["b", "last"])
