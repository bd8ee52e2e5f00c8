"""What documents become: Tasks in place, copies for calls, what is embedded; and back again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.tekton.caching.pod import Pod
from adapters.tekton.caching.tasks import BASE, IMAGE, PIPELINE, WORKSPACE, cached, documents
from couler_plugins.documents import Document, Remark, dump_yaml
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.ir.bundle import Bundle
from couler_tekton.lint.lint import lint

S3 = WORKSPACE.replace("workspace://couler-cache/store", "s3://bucket/cache")


def texts(found: list[Any]) -> str:
    return "---\n".join(map(dump_yaml, found))


def of_kind(found: list[Any], kind: str) -> list[Any]:
    return [item for item in found if item["kind"] == kind]


def remarks(found: list[Any]) -> list[Remark]:
    each = tuple(Document("a.yaml", number, item, 1, "") for number, item in enumerate(found))
    return [one for one in lint(Bundle((), each, (0,) * len(each))) if one.severity != "note"]


def arguments(task: Any, step: int = 0) -> list[str]:
    found: list[str] = task["steps"][step]["args"]
    return found


def test_a_task_is_changed_in_place_and_keeps_its_text() -> None:
    (file,) = cached(BASE).files
    assert "name: train   # nightly" in (file.text or "")
    assert documents(cached(file.text or "", "cache")) == documents(cached(BASE, "prune"))


def test_calls_of_a_task_get_copies_and_it_stays() -> None:
    found = documents(cached(PIPELINE, S3))
    (run,) = of_kind(found, "PipelineRun")
    tasks = {item["metadata"]["name"]: item for item in of_kind(found, "Task")}
    called = {item["name"]: item.get("taskRef", {}).get("name") for item in run["spec"]["pipelineSpec"]["tasks"]}
    assert called["one"] is None
    assert called["two"] == called["three"] != called["four"]
    assert tasks["shared"] == documents(cached(PIPELINE, "prune"))[1]
    assert tasks.keys() == {"shared", called["two"], called["four"]}
    lineages = {
        name: [one for one in arguments(tasks[name]["spec"]) if "lineage" in one] for name in tasks if "-" in name
    }
    assert (len(lineages[called["two"]]), len(lineages[called["four"]])) == (0, 1)


def test_without_the_wrapper_calls_go_back_to_the_task() -> None:
    found = documents(cached(PIPELINE, S3))
    back = documents(cached(texts(found), "cache"))
    (run,) = of_kind(back, "PipelineRun")
    assert run == documents(cached(PIPELINE, "prune"))[0]


def test_what_was_cached_is_left_alone_and_follows_an_edit() -> None:
    found = documents(cached(PIPELINE, S3))
    again = cached(texts(found), S3)
    assert not again.added_documents
    assert not any(file.edits for file in again.files)
    (task,) = [item for item in found if item["metadata"].get("name") == "shared"]
    task["spec"]["steps"][0]["image"] = "busybox:2"
    renamed = cached(texts(found), S3)
    assert len(renamed.added_documents) == 2


@pytest.mark.parametrize("text", [BASE, PIPELINE])
def test_what_is_emitted_has_no_faults(text: str) -> None:
    assert remarks(documents(cached(text, S3 if text is PIPELINE else WORKSPACE))) == []


EDITS: dict[str, Callable[[Any], object]] = {
    "what it runs was edited": lambda task: task["steps"][2].update(image="other"),
    "although there was a result": lambda task: task["steps"][3]["when"].pop(),
    "a step runs before it": lambda task: task["steps"].insert(0, {"name": "x", "image": "busybox", "script": "echo"}),
    "after it, or": lambda task: task["steps"].append({"name": "x", "image": "busybox", "script": "echo"}),
    "runs before it, after it": lambda task: task["steps"].pop(),
    "does not look at all its parameters": lambda task: arguments(task).remove(".rate=$(params.rate)"),
    "does not look at all files": lambda task: arguments(task).remove("--file=src/data=$(workspaces.src.path)/data"),
    "differs from run to run": lambda task: task["steps"][2].update(script="echo $(context.taskRun.uid)"),
}


@pytest.mark.parametrize("reason", EDITS)
def test_a_task_that_was_edited_is_found(reason: str) -> None:
    (task,) = documents(cached(BASE))
    EDITS[reason](task["spec"])
    found = [one for one in remarks([task]) if one.code == "stale-key"]
    assert [one.severity for one in found] == ["error"]
    assert reason in found[0].message


@pytest.mark.parametrize("place", [0, 3, 99])
def test_a_step_that_was_put_in_afterwards_is_cached_as_well(place: int) -> None:
    (task,) = documents(cached(BASE))
    step = {"name": "new", "image": "busybox", "script": "echo"}
    task["spec"]["steps"].insert(place, step)
    (again,) = documents(cached(dump_yaml(task)))
    names = [one["name"] for one in again["spec"]["steps"]]
    assert (names[0], names[-1], names.count("couler-restore")) == ("couler-restore", "couler-save", 1)
    (bare,) = documents(cached(dump_yaml(task), "cache"))
    (before,) = documents(cached(BASE, "prune"))
    assert step in bare["spec"]["steps"]
    assert [one for one in bare["spec"]["steps"] if one != step][1:] == before["spec"]["steps"][1:]


def test_steps_of_its_owner_that_are_called_as_ours_are_not_touched() -> None:
    text = BASE.replace("- name: model", "- name: couler-restore").replace("- name: last", "- name: couler-save")
    for pipeline in (WORKSPACE, "cache"):
        assert documents(cached(text, pipeline)) == documents(cached(text, "prune"))


def test_edits_of_copies_and_of_what_is_before_them_are_found() -> None:
    found = documents(cached(PIPELINE, S3))
    copies = [item for item in found if "-" in item["metadata"].get("name", "")]
    copies[0]["spec"]["steps"][1]["image"] = "other"
    assert "is not what its name says" in " ".join(one.message for one in remarks(found) if one.code == "stale-key")
    found = documents(cached(PIPELINE, S3))
    tasks = of_kind(found, "PipelineRun")[0]["spec"]["pipelineSpec"]["tasks"]
    tasks[3]["runAfter"] = ["two"]
    assert "what it comes after was edited" in " ".join(one.message for one in remarks(found))
    tasks.append({"name": "load", "taskRef": {"name": "elsewhere"}})
    tasks[3]["runAfter"] = ["load"]
    assert "'load' " in " ".join(one.message for one in remarks(found) if one.code == "stale-key")


@pytest.mark.parametrize(
    ("security", "template", "asks"),
    [("restricted", "", True), ("inherit", "", False), ("restricted", "securityContext: {runAsUser: 0}", False)],
)
def test_what_our_steps_ask_of_the_cluster(security: str, template: str, asks: bool) -> None:
    text = BASE.replace("  steps:\n", f"  stepTemplate: {{{template}}}\n  steps:\n") if template else BASE
    pipeline = WORKSPACE.replace("via=", f"security={security},secret=s3,cpu=none,memory=1Gi,timeout=20,via=")
    (task,) = documents(cached(text, pipeline))
    for step in (task["spec"]["steps"][0], task["spec"]["steps"][-1]):
        assert step["image"] == IMAGE
        assert step["env"] == [{"name": "TMPDIR", "value": "/tekton/home"}]
        assert ("securityContext" in step) is asks
        assert step["computeResources"] == {"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}}
        assert step["envFrom"] == [{"secretRef": {"name": "s3"}}]
        assert "--timeout=20" in step["args"]


def test_the_store_takes_a_twentieth_of_what_a_task_may_take() -> None:
    text = PIPELINE.replace("      - name: one\n", "      - name: one\n        timeout: 2m0s\n")
    (run,) = of_kind(documents(cached(text, S3)), "PipelineRun")
    assert "--timeout=6" in arguments(run["spec"]["pipelineSpec"]["tasks"][0]["taskSpec"])


def test_results_are_good_for_a_time() -> None:
    (task,) = documents(cached(BASE.replace("cache: pure", "cache: ttl=24h")))
    assert "--max-age=86400s" in arguments(task["spec"])
    assert "--max-age=86400s" not in arguments(task["spec"], -1)


@pytest.mark.parametrize(
    ("pipeline", "reason"),
    [
        ("cache{via=wrapper}", "needs the option store"),
        ("cache{via=wrapper,store=workspace://couler-cache}", "needs the option image"),
        (f"cache{{via=wrapper,store=/folder,image={IMAGE}}}", "do not share a store"),
        (f"cache{{via=wrapper,store=file:///folder,image={IMAGE}}}", "do not share a store"),
        (f"cache{{via=wrapper,store=workspace://other,image={IMAGE}}}", "is no store"),
        (f"cache{{via=wrapper,store=workspace://couler-cache/../x,image={IMAGE}}}", "is no store"),
        (WORKSPACE.replace("via=", "timeout=0,via="), "timeout"),
        (f"cache{{via=wrapper,store=s3://$(params.rate)/x,image={IMAGE}}}", "reads a variable"),
        ("cache{via=wrapper,store=s3://a/b,image=$(params.rate)}", "reads a variable"),
        (WORKSPACE.replace("via=", "capacity=1GB,via="), "option `capacity` is not supported by tekton"),
    ],
)
def test_options_that_make_no_sense_are_refused(pipeline: str, reason: str) -> None:
    with pytest.raises((InvalidInput, Unsupported), match=reason):
        cached(BASE, pipeline)


def test_bad_input_passes_through_and_is_named() -> None:
    text = BASE.replace('    - {name: rate, default: "0.1"}', "    - {name: rate}\n    - {name: rate}")
    (file,) = cached(text).files
    assert "two of the name" in str(file.error)
    assert not file.edits


TASK_RUN = """\
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {generateName: one-, annotations: {couler.io/cache: pure, couler.io/max-output-bytes: "99"}}
spec:
  params: [{name: x, value: word}]
  timeout: 10m
"""


def test_runs_of_tasks_are_cached_as_well() -> None:
    shared = PIPELINE.partition("---\n")[2]
    (run, _, copy) = documents(cached(f"{TASK_RUN}  taskRef: {{name: shared}}\n---\n{shared}", S3))
    assert run["spec"]["taskRef"]["name"] == copy["metadata"]["name"]
    assert "--timeout=30" in arguments(copy["spec"])
    body = "".join(f"  {line}\n" for line in shared.partition("spec:\n")[2].splitlines())
    (run,) = documents(cached(f"{TASK_RUN}  taskSpec:\n{body}", S3))
    assert "--timeout=30" in arguments(run["spec"]["taskSpec"])
    assert documents(cached(texts([run]), "cache")) == documents(cached(f"{TASK_RUN}  taskSpec:\n{body}", "prune"))


AFTER_LOAD = """\
      - name: load
        workspaces: [{name: w, workspace: data, subPath: SUB}]
        taskRef: {name: elsewhere}
      - name: two
        runAfter: [load]
        workspaces: [{name: src, workspace: data, subPath: in}]
"""


def test_files_of_a_task_before_it_are_covered_by_their_content() -> None:
    """A task that nobody knows writes to the workspace that the next one reads; with another one, it is not known."""
    text = PIPELINE.replace("      - name: two\n", AFTER_LOAD)
    text = text.replace("    params: [{name: rate}]\n", "    params: [{name: rate}]\n    workspaces: [{name: data}]\n")
    text = text.replace(
        "metadata: {name: shared}", "metadata: {name: shared, annotations: {couler.io/cache-inputs: src/a}}"
    )
    text = text.replace("spec:\n  params: [{name: x}]", "spec:\n  workspaces: [{name: src}]\n  params: [{name: x}]")
    for folder, rule in (("in", None), ("''", None), ("out", "unknown-producer")):
        decisions = [one for file in cached(text.replace("SUB", folder), S3).files for one in file.decisions]
        (decision,) = [one for one in decisions if one.subject == "pipeline/two"]
        assert dict(decision.figures).get("rule") == rule, decision
    other = text.replace("{name: w, workspace: data, subPath: SUB}", "{name: w, workspace: logs}")
    decisions = [one for file in cached(other, S3).files for one in file.decisions]
    assert [one for one in decisions if dict(one.figures).get("rule") == "unknown-producer"]


def looked_at(text: str) -> list[str]:
    """The arguments of the first step of what is embedded in a run."""
    (run,) = of_kind(documents(cached(text, S3)), "PipelineRun")
    return arguments(run["spec"]["pipelineSpec"]["tasks"][0]["taskSpec"])


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("  pipelineSpec:", "  taskRunTemplate: {serviceAccountName: other}\n  pipelineSpec:", False),
        ("  pipelineSpec:", "  taskRunTemplate: {podTemplate: {env: [{name: A, value: b}]}}\n  pipelineSpec:", False),
        ("  pipelineSpec:", "  timeouts: {pipeline: 2h0m0s}\n  pipelineSpec:", True),
        ("[{image: busybox,", "[{image: other,", False),
        ("[{image: busybox,", "[{computeResources: {limits: {cpu: 1}}, image: busybox,", True),
        (
            "params: [{name: x}]\n          results",
            "params: [{name: w, default: a}, {name: x}]\n          results",
            False,
        ),
        ("params: [{name: x}]\n          results", "params: [{name: x, description: long}]\n          results", True),
    ],
)
def test_what_a_key_covers(old: str, new: str, same: bool) -> None:
    assert old in PIPELINE
    assert (looked_at(PIPELINE) == looked_at(PIPELINE.replace(old, new, 1))) is same


def test_the_order_of_parameters_does_not_matter() -> None:
    two = PIPELINE.replace("params: [{name: x}]", "params: [{name: z, default: a}, {name: x}]", 1)
    assert looked_at(two) == looked_at(
        two.replace("{name: z, default: a}, {name: x}", "{name: x}, {name: z, default: a}")
    )


def test_what_is_embedded_and_copies_run(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    text = PIPELINE.replace(
        "          results: [{name: r}]\n",
        "          results: [{name: r}]\n          workspaces: [{name: couler-cache}]\n",
    ).replace(
        "  results: [{name: r}]\n  steps", "  results: [{name: r}]\n  workspaces: [{name: couler-cache}]\n  steps"
    )
    found = documents(cached(text, WORKSPACE))
    run = of_kind(found, "PipelineRun")[0]["spec"]["pipelineSpec"]["tasks"]
    specs = [run[0]["taskSpec"], *(item["spec"] for item in found if "-" in item["metadata"].get("name", ""))]
    assert len(specs) == 3
    ran = []
    for number in range(6):
        pod = Pod(tmp_path / str(number), specs[number % 3], {"x": "word"}, {"couler-cache": tmp_path / "store"})
        ended = pod.run()
        assert ended.results == {"r": "word"}
        ran.append(len(ended.ran))
    assert ran == [3, 3, 3, 1, 1, 1]
