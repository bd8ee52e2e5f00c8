"""Runs of Argo that are resumed: what is taken over of artifacts, results and volumes, and what is lost."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from adapters.argo.statuses import node
from adapters.argo.test_archive import PERSISTED, ArgoServer
from adapters.subjects import ARGO, lift_source, lower_and_write
from couler_argo.archive import ARCHIVED
from couler_argo.resume import ArgoRun, resume
from couler_argo.spelling import expression_of
from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.past_runs import ArchiveSource
from couler_plugins.hookspecs.resuming import PastRun, RunSource
from couler_plugins.ir import Literal
from couler_plugins.resuming.optimizer import Resume
from optimizers.running import CONTEXT
from servers.json_server import json_server

NOWHERE = ArchiveSource(place="", max_bytes=1)
FILE = {"name": "file", "path": "/f"}


def leaf(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "container": {"image": "busybox:1"}, **more}


def task(name: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "template": name, **({"depends": " && ".join(after)} if after else {}), **more}


def failed(
    tasks: list[dict[str, Any]], templates: list[dict[str, Any]], nodes: dict[str, dict[str, Any]], **spec: Any
) -> dict[str, Any]:
    """A run that failed; nodes are by the names of their tasks."""
    main = {"type": "DAG", "displayName": "wf-abc", "phase": "Failed", "templateName": "main"}
    inside = {
        f"wf-abc-{name}": {
            **one,
            "id": f"wf-abc-{name}",
            "boundaryID": "wf-abc",
            "templateName": name.partition("(")[0],
        }
        for name, one in nodes.items()
    }
    status = spec.pop("status", {})
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "wf-abc", "generateName": "wf-", "namespace": "ns", "uid": "u", "labels": {
            "workflows.argoproj.io/completed": "true", "workflows.argoproj.io/workflow-archiving-status": "Archived",
            "team": "a"}},
        "spec": {"entrypoint": "main", "templates": [{"name": "main", "dag": {"tasks": tasks}}, *templates], **spec},
        "status": {"phase": "Failed", "nodes": {"wf-abc": {**main, "id": "wf-abc"}, **inside}, **status},
    }  # fmt: skip


def ran(name: str, **more: Any) -> dict[str, Any]:
    return node("Pod", name, **more)


def bad(name: str) -> dict[str, Any]:
    return ran(name, phase="Failed")


def past(document: Any, run: str = "wf-abc") -> PastRun:
    return resume(RunSource(run=run, documents=(document,), archive=NOWHERE))


def resumed(document: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The new workflow, and what runs again, with the reason."""
    run = past(document)
    plan = lift_source(ARGO, read(json.dumps(run.document), "run.json"))
    pass_ = Resume(run, plan.workflows[0])
    lowered, _ = lower_and_write(ARGO, pass_.run(plan, CONTEXT))
    assert not lowered.refused
    new: dict[str, Any] = lowered.documents[0]
    return new, {"/".join(item.place): item.reason for item in pass_.verdicts if item.action == "again"}


def producing(artifact: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A run in which `a` made a file and `b`, which reads it, failed."""
    from_a = {"artifacts": [{"name": "file", "from": "{{tasks.a.outputs.artifacts.file}}"}]}
    return failed(
        [task("a"), task("b", "a", arguments=from_a)],
        [leaf("a", outputs={"artifacts": [FILE]}), leaf("b", inputs={"artifacts": [FILE]})],
        {"a": ran("a", outputs={"artifacts": [{"name": "file", "path": "/f", **artifact}]}), "b": bad("b")},
        **more,
    )


def reading(value: str, result: Any, **more: Any) -> dict[str, Any]:
    """A run in which `b` failed, which reads something of `a`."""
    return failed(
        [task("a"), task("b", "a", arguments={"parameters": [{"name": "x", "value": value}]})],
        [leaf("a"), leaf("b", inputs={"parameters": [{"name": "x"}]})],
        {"a": ran("a", outputs=result), "b": bad("b")},
        **more,
    )


def argument(new: dict[str, Any], plural: str = "parameters") -> Any:
    (one,) = new["spec"]["templates"][0]["dag"]["tasks"]
    return one["arguments"][plural][0]


def test_the_new_run_has_a_name_and_names_the_old_one() -> None:
    new, again = resumed(reading("{{tasks.a.outputs.result}}", {"result": "7"}, shutdown="Stop"))
    assert new["metadata"] == {
        "generateName": "wf-",
        "namespace": "ns",
        "labels": {"team": "a"},
        "annotations": {"couler.io/resumes": "wf-abc"},
    }
    assert again == {"b": "it failed"}
    assert argument(new) == {"name": "x", "value": "7"}
    assert "shutdown" not in new["spec"]
    assert [template["name"] for template in new["spec"]["templates"]] == ["main", "b"]


def test_an_artifact_is_a_key_in_the_same_repository() -> None:
    place = {"s3": {"key": "wf-abc/a/file.tgz"}, "archive": {"none": {}}}
    repository = {"artifactRepositoryRef": {"configMap": "stores", "key": "main", "namespace": "ns"}}
    new, _ = resumed(producing(place, status=repository))
    assert argument(new, "artifacts") == {"name": "file", **place}
    assert new["spec"]["artifactRepositoryRef"] == {"configMap": "stores", "key": "main"}
    new, _ = resumed(producing(place, status={"artifactRepositoryRef": {"default": True}}))
    assert "artifactRepositoryRef" not in new["spec"]


@pytest.mark.parametrize(
    ("artifact", "more"),
    [
        ({"deleted": True}, {}),
        ({"artifactGC": {"strategy": "OnWorkflowCompletion"}}, {}),
        ({}, {"artifactGC": {"strategy": "OnWorkflowCompletion"}}),
    ],
)
def test_an_artifact_that_was_deleted_is_made_again(artifact: dict[str, Any], more: dict[str, Any]) -> None:
    _, again = resumed(producing({"s3": {"key": "k"}, **artifact}, **more))
    assert again == {"a": "b reads its file (artifactGC has deleted it)", "b": "it failed"}


@pytest.mark.parametrize(
    ("label", "more", "why"),
    [
        ("Persisted", {}, "it was deleted with the old run"),
        ("Archived", {"ttlStrategy": {"secondsAfterCompletion": 60}}, "ttlStrategy deletes it with the old run"),
    ],
)
def test_what_goes_with_its_run_is_made_again_where_that_goes(label: str, more: dict[str, Any], why: str) -> None:
    own = {"artifactGC": {"strategy": "OnWorkflowDeletion"}}
    document = producing({"s3": {"key": "k"}, **own})
    document["spec"]["templates"][1]["outputs"] = {"artifacts": [{**FILE, **own}]}
    assert past(document).notes == ("artifacts of wf-abc are deleted with it: keep it until the new run has ended",)
    document["metadata"]["labels"] |= {ARCHIVED: label}
    document["spec"] |= more
    assert resumed(document)[1] == {"a": f"b reads its file ({why})", "b": "it failed"}
    document = with_claim(**more)
    document["metadata"]["labels"] |= {ARCHIVED: label}
    assert resumed(document)[1] == {"a": f"it shares the volume work with b ({why})", "b": "it failed"}


def test_an_artifact_of_its_own_strategy_stays() -> None:
    own = {"s3": {"key": "k"}, "artifactGC": {"strategy": "Never"}}
    _, again = resumed(producing(own, artifactGC={"strategy": "OnWorkflowCompletion"}))
    assert again == {"b": "it failed"}


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ("x" * 256 * 1024, "Argo has cut it at 256 KiB"),
        ("{{tasks.b.outputs.result}}", "Argo would take it for a variable"),
        ("a{", "Argo would take it for a variable"),
    ],
)
def test_a_result_that_is_not_whole_is_computed_again(result: str, why: str) -> None:
    _, again = resumed(reading("{{tasks.a.outputs.result}}", {"result": result}))
    assert again["a"] == f"b reads its result ({why})"


@pytest.mark.parametrize(
    ("kind", "template", "maker"),
    [
        ("Suspend", {"suspend": {}}, "a person"),
        ("HTTP", {"http": {"url": "https://example.com"}}, "a request"),
        ("Pod", {"resource": {"action": "get"}}, "a cluster"),
    ],
)
def test_what_others_answered_is_asked_again(kind: str, template: dict[str, Any], maker: str) -> None:
    document = reading("{{tasks.a.outputs.parameters.y}}", {"parameters": [{"name": "y", "value": "1"}]})
    document["spec"]["templates"][1] = {"name": "a", **template}
    document["status"]["nodes"]["wf-abc-a"]["type"] = kind
    _, again = resumed(document)
    assert again["a"] == f"b reads its y (it is the answer of {maker}, which may be another one by now)"


def test_texts_conditions_and_expressions_get_what_was_there() -> None:
    document = reading("<{{tasks.a.outputs.result}}> {{=tasks.a.outputs.result + '!'}}", {"result": 'a "b"'})
    document["spec"]["templates"][0]["dag"]["tasks"][1]["when"] = "{{tasks.a.status}} == Succeeded"
    new, _ = resumed(document)
    (one,) = new["spec"]["templates"][0]["dag"]["tasks"]
    assert argument(new)["value"] == '<a "b"> {{="a \\"b\\"" + \'!\'}}'
    assert one["when"] == "Succeeded == Succeeded"


@pytest.mark.parametrize(
    ("result", "constant"),
    [('{"a":{"b":1}}', '"{\\"a\\":{\\"b\\":1}\\u007d"'), ("é😀", '"é😀"')],
)
def test_a_constant_of_an_expression_is_one_that_argo_can_read(result: str, constant: str) -> None:
    new, _ = resumed(reading("{{=tasks.a.outputs.result + '!'}}", {"result": result}))
    assert argument(new)["value"] == f"{{{{={constant} + '!'}}}}"
    assert expression_of(Literal(value=result)).parts == (constant,)


def test_an_artifact_that_an_expression_chooses_is_made_again() -> None:
    document = producing({"s3": {"key": "k"}})
    chosen = {"name": "file", "fromExpression": "tasks['a'].outputs.artifacts.file"}
    document["spec"]["templates"][0]["dag"]["tasks"][1]["arguments"] = {"artifacts": [chosen]}
    new, again = resumed(document)
    assert again["a"] == "b reads its file (it cannot be written into a text)"
    assert new["spec"]["templates"][0]["dag"]["tasks"][1]["arguments"] == {"artifacts": [chosen]}


@pytest.mark.parametrize(
    "more",
    [
        {"fromExpression": "tasks['a'].outputs.artifacts.file", "optional": True},
        {"fromExpression": "tasks.a.outputs.artifacts.file", "subPath": "part"},
        {"fromExpression": '{{=1}} == 1 ? tasks["a"].outputs.artifacts.file : nil', "archive": {"none": {}}},
        {"from": "{{tasks.a.outputs.artifacts.file}}", "subPath": "part"},
        {"from": "{{tasks.a.outputs.artifacts.file}}", "optional": True},
    ],
)
def test_nothing_that_says_more_of_an_artifact_reads_of_what_is_gone(more: dict[str, Any]) -> None:
    document = producing({"s3": {"key": "k"}})
    chosen = {"name": "file", **more}
    document["spec"]["templates"][0]["dag"]["tasks"][1]["arguments"] = {"artifacts": [chosen]}
    new, again = resumed(document)
    assert again["a"] == "b reads its file (it cannot be written into a text)"
    assert new["spec"]["templates"][0]["dag"]["tasks"][1]["arguments"] == {"artifacts": [chosen]}


@pytest.mark.parametrize("inline", [False, True])
def test_what_is_inside_of_a_graph_that_others_call_too_stays_whole_for_them(inline: bool) -> None:
    """`s1` failed in it, and `s2` was not reached: it has to do all of it."""
    value = {"arguments": {"parameters": [{"name": "x", "value": "{{tasks.a.outputs.result}}"}]}}
    echo = {"container": {"image": "busybox:1", "args": ["{{tasks.a.outputs.result}}"]}}
    second = {"name": "b", "depends": "a", **({"inline": echo} if inline else {"template": "b", **value})}
    graphs: list[dict[str, Any]] = [
        {"name": "g", "dag": {"tasks": [{"name": "h", "template": "h"}]}},
        {"name": "h", "dag": {"tasks": [task("a"), second]}},
    ]
    leaves = [leaf("a"), leaf("b", inputs={"parameters": [{"name": "x"}]})]
    calls = [{"name": "s1", "template": "g"}, {"name": "s2", "template": "g", "depends": "s1"}]
    document = failed(calls, [*graphs, *leaves], {})
    for name, around, kind, template in (
        ("s1", "wf-abc", "DAG", "g"),
        ("h", "s1", "DAG", "h"),
        ("a", "h", "Pod", "a"),
        ("b", "h", "Pod", "b"),
    ):
        ended = {"outputs": {"result": "7"}} if name == "a" else {"phase": "Failed"}
        one = {**node(kind, name, **ended), "id": name, "boundaryID": around, "templateName": template}
        document["status"]["nodes"][name] = one
    new, again = resumed(document)
    assert again == {"s1/h/b": "it failed", "s2": "it was not reached"}
    templates = {item["name"]: item["dag"]["tasks"] for item in new["spec"]["templates"] if "dag" in item}
    assert [one["template"] for one in templates["main"]] == ["g-resumed", "g"]
    assert (templates["g"], templates["h"]) == (graphs[0]["dag"]["tasks"], graphs[1]["dag"]["tasks"])
    (call,) = templates["g-resumed"]
    (only,) = templates[call["template"]]
    assert "tasks.a" not in json.dumps(only)
    assert '"7"' in json.dumps(only)


def test_a_graph_whose_result_was_in_a_cache_is_done() -> None:
    """Argo makes no nodes for what is inside of a graph that its memoization gave."""
    outputs = {"parameters": [{"name": "o", "valueFrom": {"parameter": "{{tasks.x.outputs.result}}"}}]}
    memoize = {"key": "k", "cache": {"configMap": {"name": "c"}}}
    graph = {"name": "g", "memoize": memoize, "dag": {"tasks": [task("x")]}, "outputs": outputs}
    read_of_it = {"parameters": [{"name": "x", "value": "{{tasks.g.outputs.parameters.o}}"}]}
    hit = node("DAG", "g", outputs={"parameters": [{"name": "o", "value": "5"}]}, memoizationStatus={"hit": True})
    templates = [graph, leaf("x"), leaf("b", inputs={"parameters": [{"name": "x"}]})]
    document = failed([task("g"), task("b", "g", arguments=read_of_it)], templates, {"g": hit, "b": bad("b")})
    new, again = resumed(document)
    assert (argument(new)["value"], again) == ("5", {"b": "it failed"})
    change = edited(document, lambda file: file["spec"]["templates"][2]["container"].update(image="busybox:2"))
    assert change[1] == {"g": "its program was changed", "b": "it failed"}


def test_a_location_with_a_variable_in_it_is_none() -> None:
    _, again = resumed(producing({"raw": {"data": "{{workflow.name}}"}}))
    assert again["a"] == "b reads its file (Argo would take it for a variable)"


def test_a_loop_gives_lists_as_argo_makes_them() -> None:
    document = reading("{{tasks.a.outputs.parameters.y}} {{tasks.a.outputs.result}}", {})
    document["spec"]["templates"][0]["dag"]["tasks"][0]["withItems"] = [1, 2]
    nodes = document["status"]["nodes"]
    nodes["wf-abc-a"]["type"] = "TaskGroup"
    for number in (10, 9):  # in the order of their numbers, not of their ids
        outputs = {"parameters": [{"name": "y", "value": f"<{number}>"}], "result": f"[{number}]"}
        nodes[f"i{number}"] = {**ran(f"a({number}:x)", outputs=outputs), "id": f"i{number}", "boundaryID": "wf-abc"}
    new, _ = resumed(document)
    assert argument(new)["value"] == '["\\u003c9\\u003e","\\u003c10\\u003e"] [[9],[10]]'


@pytest.mark.parametrize(
    ("values", "printed", "wanted"),
    [
        (
            ['{"b": 1.0, "a": 2}', "[1e2]"],
            ["1e5", '{"b": "x  y", "a": 2.50}'],
            '[{"a":2,"b":1},[100]] [1e5,{"b":"x  y","a":2.50}]',
        ),
        (["[NaN]", "[]"], ["null", "12345678901234567890.0"], '["[NaN]","[]"] [null,12345678901234567890.0]'),
    ],
)
def test_numbers_and_keys_of_a_loop_are_as_argo_writes_them(values: list[str], printed: list[str], wanted: str) -> None:
    document = reading("{{tasks.a.outputs.parameters.y}} {{tasks.a.outputs.result}}", {})
    document["spec"]["templates"][0]["dag"]["tasks"][0]["withItems"] = [1, 2]
    nodes = document["status"]["nodes"]
    nodes["wf-abc-a"]["type"] = "TaskGroup"
    for number, (value, result) in enumerate(zip(values, printed, strict=True)):
        outputs = {"parameters": [{"name": "y", "value": value}], "result": result}
        nodes[f"i{number}"] = {**ran(f"a({number}:x)", outputs=outputs), "id": f"i{number}", "boundaryID": "wf-abc"}
    assert argument(resumed(document)[0])["value"] == wanted


@pytest.mark.parametrize(("phase", "is_whole"), [("Failed", True), ("Error", False)])
def test_a_loop_of_a_stage_that_broke_off_is_not_whole(phase: str, is_whole: bool) -> None:
    document = failed([], [leaf("a"), leaf("b")], {"a(0:1)": ran("a(0:1)", outputs={"result": "1"}), "b": bad("b")})
    stage = [{"name": "a", "template": "a", "withItems": [1, 2]}, {"name": "b", "template": "b"}]
    document["spec"]["templates"][0] = {"name": "main", "steps": [stage]}
    nodes = document["status"]["nodes"]
    children = ["wf-abc-a(0:1)", "wf-abc-b"]
    group = {"id": "g", "displayName": "[0]", "boundaryID": "wf-abc", "children": children}
    nodes["g"] = {**group, "type": "StepGroup", "phase": phase}
    assert ("a" not in resumed(document)[1]) == is_whole


def test_a_step_of_several_attempts_is_the_last_one() -> None:
    document = reading("{{tasks.a.outputs.result}}", {})
    nodes = document["status"]["nodes"]
    nodes["wf-abc-a"] |= {"type": "Retry", "children": ["t0", "t1"]}
    for number, phase in enumerate(("Failed", "Succeeded")):
        tried = ran(f"a({number})", phase=phase, outputs={"result": str(number)}, nodeFlag={"retried": True})
        nodes[f"t{number}"] = {**tried, "id": f"t{number}", "boundaryID": "wf-abc"}
    new, _ = resumed(document)
    assert argument(new)["value"] == "1"


WORK = {"metadata": {"name": "work"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
CLAIMED = {"persistentVolumeClaims": [{"name": "work", "persistentVolumeClaim": {"claimName": "wf-abc-work"}}]}


def with_claim(**more: Any) -> dict[str, Any]:
    mounted = {"image": "busybox:1", "volumeMounts": [{"name": "work", "mountPath": "/w"}]}
    return failed(
        [task("a"), task("other"), task("b", "a")],
        [leaf("a", container=mounted), leaf("other"), leaf("b", container=mounted)],
        {"a": ran("a"), "other": ran("other"), "b": bad("b")},
        volumeClaimTemplates=[WORK],
        status=CLAIMED,
        **more,
    )


def test_a_claim_of_the_old_run_is_a_volume_of_the_new_one() -> None:
    new, again = resumed(with_claim(volumes=[{"name": "tmp", "emptyDir": {}}]))
    bound = {"name": "work", "persistentVolumeClaim": {"claimName": "wf-abc-work"}}
    assert new["spec"]["volumes"] == [{"name": "tmp", "emptyDir": {}}, bound]
    assert "volumeClaimTemplates" not in new["spec"]
    assert again == {"b": "it failed"}
    second = with_claim()
    second["metadata"]["annotations"] = {"couler.io/resumes": "wf-first"}
    assert past(second).notes[1:] == ("wf-abc uses what wf-first has done: keep that one, too",)
    assert past(with_claim()).notes == ("the new run uses wf-abc-work: keep wf-abc until it has ended",)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"volumeClaimGC": {"strategy": "OnWorkflowCompletion"}}, "volumeClaimGC OnWorkflowCompletion"),
        ({"ttlStrategy": {"secondsAfterFailure": 60}}, "ttlStrategy deletes it with the old run"),
    ],
)
def test_a_claim_that_goes_is_filled_again(more: dict[str, Any], why: str) -> None:
    new, again = resumed(with_claim(**more))
    assert again == {"a": f"it shares the volume work with b ({why})", "b": "it failed"}
    assert new["spec"]["volumeClaimTemplates"] == [WORK]


def test_what_is_done_inside_a_graph_shares_a_lost_volume_with_those_outside() -> None:
    document = with_claim(volumeClaimGC={"strategy": "OnWorkflowCompletion"})
    spec, nodes = document["spec"], document["status"]["nodes"]
    spec["templates"][0]["dag"]["tasks"] = [{"name": "g", "template": "g"}, task("b", "g")]
    inner = [task("a"), {"name": "other", "template": "other", "depends": "a"}]
    spec["templates"].append({"name": "g", "dag": {"tasks": inner}})
    nodes["g"] = {**node("DAG", "g", phase="Failed"), "id": "g", "boundaryID": "wf-abc", "templateName": "g"}
    nodes["wf-abc-a"]["boundaryID"] = nodes["wf-abc-other"]["boundaryID"] = "g"
    nodes["wf-abc-other"]["phase"] = "Failed"
    del nodes["wf-abc-b"]
    why = "it shares the volume work with b (volumeClaimGC OnWorkflowCompletion)"
    assert resumed(document)[1] == {"g": why, "b": "it was not reached"}


def test_a_step_that_nobody_wants_is_left_out_whatever_it_shares() -> None:
    document = with_claim(volumeClaimGC={"strategy": "OnWorkflowCompletion"})
    dag = document["spec"]["templates"][0]["dag"]
    dag["target"] = "b"
    dag["tasks"].append({"name": "unwanted", "template": "a"})
    assert list(resumed(document)[1]) == ["a", "b"]


@pytest.mark.parametrize(
    ("of_b", "again"),
    [
        ({"container": {"image": "busybox:1", "args": ["/data/{{workflow.name}}"]}}, True),
        ({"inputs": {"artifacts": [{**FILE, "s3": {"key": "{{=workflow.name}}/f"}}]}}, True),
        ({"outputs": {"artifacts": [{**FILE, "s3": {"key": "{{workflow.name}}/g"}}]}}, False),
        ({"metadata": {"labels": {"run": "{{workflow.name}}"}}}, False),
        ({"container": {"image": "busybox:1", "args": ["{{workflow.uid}}"]}}, False),
    ],
)
def test_what_lies_at_the_name_of_the_run_is_made_again(of_b: dict[str, Any], again: bool) -> None:
    made = {"outputs": {"artifacts": [{**FILE, "s3": {"key": "{{workflow.name}}/f"}}]}}
    document = failed(
        [task("a"), task("b", "a")], [leaf("a", **made), leaf("b") | of_b], {"a": ran("a"), "b": bad("b")}
    )
    why = {"a": "it shares workflow.name with b (the new run has another)"} if again else {}
    assert resumed(document)[1] == {**why, "b": "it failed"}


def test_what_lies_at_the_day_of_the_run_is_made_again() -> None:
    template = leaf("a", container={"image": "busybox:1", "args": ["/data/{{workflow.creationTimestamp.Y}}"]})
    document = failed(
        [task("a"), task("b", "a")], [template, {**template, "name": "b"}], {"a": ran("a"), "b": bad("b")}
    )
    why = "it shares workflow.creationTimestamp with b (the new run has another)"
    assert resumed(document)[1] == {"a": why, "b": "it failed"}


def test_a_claim_that_the_run_has_no_longer_is_filled_again() -> None:
    document = with_claim()
    document["status"]["persistentVolumeClaims"] = []
    new, again = resumed(document)
    assert again == {"a": "it shares the volume work with b (its claim is gone)", "b": "it failed"}
    assert new["spec"]["volumeClaimTemplates"] == [WORK]


def test_what_the_controller_writes_otherwise_is_no_edit() -> None:
    document = reading("{{tasks.a.outputs.result}}", {"result": "7"})
    written = json.loads(json.dumps(document))
    first = written["spec"]["templates"][0]["dag"]["tasks"][0]
    first["arguments"] = {"parameters": [{"name": "n", "value": 5}]}
    document["spec"]["templates"][0]["dag"]["tasks"][0]["arguments"] = {"parameters": [{"name": "n", "value": "5"}]}
    for template in document["spec"]["templates"][1:]:
        template |= {"inputs": template.get("inputs", {}), "outputs": {}, "metadata": {}}
        template["container"] |= {"name": "", "resources": {}}
    run = past(document)
    (original,) = lift_source(ARGO, read(json.dumps(run.document), "run.json")).workflows
    plan = lift_source(ARGO, read(json.dumps(written), "wf.json"))
    pass_ = Resume(run, original)
    pass_.run(plan, CONTEXT)
    assert [item.action for item in pass_.verdicts] == ["done", "again"]
    assert pass_.verdicts[1].reason == "it failed"


def edited(document: Any, change: Callable[[dict[str, Any]], Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The new workflow of a file that was edited, and what runs again, with the reason."""
    run = past(document)
    (original,) = lift_source(ARGO, read(json.dumps(run.document), "run.json")).workflows
    file = copy.deepcopy(run.document)
    change(file)
    pass_ = Resume(run, original)
    lowered, _ = lower_and_write(ARGO, pass_.run(lift_source(ARGO, read(json.dumps(file), "wf.json")), CONTEXT))
    new: dict[str, Any] = lowered.documents[0]
    return new, {"/".join(item.place): item.reason for item in pass_.verdicts if item.action == "again"}


def test_settings_of_all_steps_are_part_of_their_programs() -> None:
    document = reading("{{tasks.a.outputs.result}}", {"result": "7"})
    for more in (
        {"serviceAccountName": "other"},
        {"securityContext": {"runAsUser": 1}},
        {"dnsPolicy": "None"},
        {"hostNetwork": True},
        {"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["store"]}]},
        {"podMetadata": {"annotations": {"iam": "other"}}},
        {"automountServiceAccountToken": False},
        {"templateDefaults": {"container": {"env": [{"name": "A", "value": "1"}]}}},
        {"whatComesNext": 1},
    ):
        _, again = edited(document, lambda file, more=more: file["spec"].update(more))  # type: ignore[misc]  # a default has no type in a lambda
        assert again["a"] == "settings of all steps changed", more


def test_how_long_and_in_which_order_a_run_runs_is_no_edit() -> None:
    more = {
        "ttlStrategy": {"secondsAfterCompletion": 60},
        "podGC": {"strategy": "OnPodCompletion"},
        "parallelism": 2,
        "priority": 1,
        "activeDeadlineSeconds": 60,
        "onExit": "a",
        "retryStrategy": {"limit": 1},
        "securityContext": {},
        "templateDefaults": {"metadata": {}, "retryStrategy": {"limit": 1}},
    }
    document = reading("{{tasks.a.outputs.result}}", {"result": "7"})
    assert edited(document, lambda file: file["spec"].update(more))[1] == {"b": "it failed"}


def test_when_and_where_pods_run_and_what_they_are_called_is_no_edit() -> None:
    def change(file: dict[str, Any]) -> None:
        for template in file["spec"]["templates"]:
            template |= {"activeDeadlineSeconds": 60, "nodeSelector": {"disk": "fast"}}
            template["metadata"] = {"annotations": {"couler.io/idempotent": "true"}}

    assert edited(reading("{{tasks.a.outputs.result}}", {"result": "7"}), change)[1] == {"b": "it failed"}


def test_a_step_that_was_left_out_runs_where_the_file_now_wants_it() -> None:
    tasks = [task("a"), {"name": "c", "template": "c", "depends": "a.Failed"}, task("b")]
    nodes = {"a": ran("a"), "c": node("Skipped", "c", phase="Omitted"), "b": bad("b")}
    document = failed(tasks, [leaf("a"), leaf("b"), leaf("c")], nodes)
    assert resumed(document)[1] == {"b": "it failed"}
    new, again = edited(document, lambda file: file["spec"]["templates"][0]["dag"]["tasks"][1].pop("depends"))
    assert again == {"c": "it was not reached", "b": "it failed"}
    assert [one["name"] for one in new["spec"]["templates"][0]["dag"]["tasks"]] == ["c", "b"]


def test_nodes_are_unpacked_where_they_are_there_and_asked_for_elsewhere() -> None:
    document = reading("{{tasks.a.outputs.result}}", {"result": "7"})
    nodes = document["status"].pop("nodes")
    with pytest.raises(InvalidInput, match="are kept elsewhere") as caught:
        past({**document, "status": {**document["status"], "offloadNodeStatusVersion": "1"}})
    assert caught.value.hint == "give --from with the URL of Argo's server, which has them"
    packed = base64.b64encode(gzip.compress(json.dumps(nodes).encode())).decode()
    assert (
        past({**document, "status": {**document["status"], "compressedNodes": packed}}).steps["a",].outcome
        == "succeeded"
    )


def test_a_run_is_one_that_has_ended_and_the_only_one() -> None:
    document = reading("{{tasks.a.outputs.result}}", {"result": "7"})
    with pytest.raises(InvalidInput, match="there is no run 'other'"):
        past(document, "other")
    with pytest.raises(InvalidInput, match="there are 2 runs"):
        past({"apiVersion": "v1", "kind": "List", "items": [document, document]}, "")
    with pytest.raises(InvalidInput, match="has not ended") as caught:
        past({**document, "status": {**document["status"], "phase": "Running"}})
    assert caught.value.hint == "stop it first: couler stop --engine argo wf-abc"
    assert ArgoRun(document).name == "wf-abc"


@pytest.mark.parametrize(
    ("status", "spec"),
    [
        ({"nodes": {"wf-abc": 7}}, {}),
        ({"nodes": {"wf-abc": {"id": "wf-abc", "displayName": "x", "type": "DAG", "boundaryID": "wf-abc"}}}, {}),
        ({"persistentVolumeClaims": [1]}, {}),
        ({"artifactRepositoryRef": "x"}, {}),
        ({}, {"volumeClaimTemplates": [{}], "ttlStrategy": {"secondsAfterFailure": 1}}),
    ],
)
def test_what_argo_never_writes_is_refused(status: dict[str, Any], spec: dict[str, Any]) -> None:
    document = reading("{{tasks.a.outputs.result}}", {"result": "7"}, **spec)
    document["status"] |= status
    with pytest.raises(InvalidInput, match="wf-abc is not what Argo writes"):
        past(document)


def test_the_time_of_a_schedule_and_notes_of_people_stay() -> None:
    document = reading("{{tasks.a.outputs.result}}", {"result": "7"})
    kept = {"workflows.argoproj.io/scheduled-time": "2026-01-01T00:00:00Z", "workflows.argoproj.io/title": "t"}
    document["metadata"]["annotations"] = {**kept, "workflows.argoproj.io/pod-name-format": "v2"}
    assert resumed(document)[0]["metadata"]["annotations"] == {**kept, "couler.io/resumes": "wf-abc"}


def test_a_schedule_is_not_made_to_repeat_the_rest() -> None:
    def schedule(file: dict[str, Any]) -> None:
        file |= {"kind": "CronWorkflow", "spec": {"schedule": "@daily", "workflowSpec": file["spec"]}}

    with pytest.raises(InvalidInput, match="is a CronWorkflow, which would repeat the rest"):
        edited(reading("{{tasks.a.outputs.result}}", {"result": "7"}), schedule)


def test_parameters_of_the_run_stay_where_the_file_has_none() -> None:
    arguments = {"parameters": [{"name": "p", "value": "of the run"}]}
    document = reading("{{workflow.parameters.p}}{{tasks.a.outputs.result}}", {"result": "7"}, arguments=arguments)
    new, _ = edited(document, lambda file: file["spec"].pop("arguments"))
    assert new["spec"]["arguments"] == arguments


def test_a_run_that_was_archived_is_read_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COULER_ARGO_TOKEN", "a-token")
    document = reading("{{tasks.a.outputs.result}}", {"result": "7"})
    document["metadata"]["labels"] |= PERSISTED
    other = {**document, "metadata": {**document["metadata"], "name": "wf-other", "uid": "other"}}
    bare = [{part: item[part] for part in ("metadata", "spec", "status")} for item in (other, document)]
    with json_server(ArgoServer([], bare)) as server:
        run = resume(RunSource(run="wf-abc", archive=ArchiveSource(place=server.url, max_bytes=10**6)))
        assert (run.name, run.steps["a",].outcome, run.steps["b",].outcome) == ("wf-abc", "succeeded", "failed")
        assert PERSISTED.keys().isdisjoint(run.document["metadata"]["labels"])
        with pytest.raises(InvalidInput, match="there is no run 'wf-xyz'"):
            resume(RunSource(run="wf-xyz", archive=ArchiveSource(place=server.url, max_bytes=10**6)))


EXIT = {"hooks": {"exit": {"template": "notify"}}}
SEEN = {"hooks": {"seen": {"template": "notify", "expression": "tasks.a.status == 'Succeeded'"}}}


def hooked(more: dict[str, Any], hooks: dict[str, str], **spec: Any) -> dict[str, Any]:
    """A run whose `a` has succeeded and whose `b` failed; hooks are by what comes behind the name of `a`."""
    nodes = {f"a.{name}": ran(f"a.{name}", phase=phase) for name, phase in hooks.items()}
    templates = [leaf("a"), leaf("b"), leaf("notify")]
    return failed([task("a", **more), task("b")], templates, {"a": ran("a"), "b": bad("b"), **nodes}, **spec)


@pytest.mark.parametrize(
    ("more", "hooks", "spec", "reason"),
    [
        (EXIT, {"onExit": "Succeeded"}, {}, ""),
        (EXIT, {"onExit": "Failed"}, {}, "its hook failed"),
        (EXIT, {"onExit": "Running"}, {}, "its hook failed"),
        (EXIT, {}, {}, "its hook has not run"),
        ({"onExit": "notify"}, {}, {}, "its hook has not run"),
        ({"onExit": "notify"}, {"onExit": "Succeeded"}, {}, ""),
        (SEEN, {"hooks.seen": "Succeeded"}, {}, ""),
        (SEEN, {"hooks.seen": "Error"}, {}, "its hook failed"),
        (SEEN, {}, {}, ""),
        (SEEN, {}, {"shutdown": "Terminate"}, "its hook has not run"),
        (SEEN, {}, {"activeDeadlineSeconds": 60}, "its hook has not run"),
    ],
)
def test_a_step_is_done_once_its_hooks_are(
    more: dict[str, Any], hooks: dict[str, str], spec: dict[str, Any], reason: str
) -> None:
    new, again = resumed(hooked(more, hooks, **spec))
    assert again == {**({"a": reason} if reason else {}), "b": "it failed"}
    assert ("hooks" in json.dumps(new) or "onExit" in json.dumps(new)) is bool(reason)


@pytest.mark.parametrize("name", ["onExit", "hooks.seen"])
def test_where_only_an_exit_handler_failed_it_is_named(name: str) -> None:
    document = failed([task("a")], [leaf("a")], {"a": ran("a")}, onExit="a")
    handler = {**ran(f"wf-abc.{name}", phase="Error"), "id": "x"}
    del handler["boundaryID"]
    document["status"]["nodes"]["x"] = handler
    with pytest.raises(
        InvalidInput, match=f"are done, and only wf-abc.{name} failed, which runs in every run"
    ) as caught:
        resumed(document)
    assert str(caught.value.hint).startswith("there is nothing to resume")
    handler["phase"] = "Succeeded"
    with pytest.raises(InvalidInput, match=r"are done\n") as caught:
        resumed(document)
    assert caught.value.hint == "start it anew if it is to run again"


def test_a_hook_that_failed_inside_a_loop_or_a_graph_is_one_of_these() -> None:
    tasks, templates = [task("a", withItems=["x", "y"], **EXIT), task("b")], [leaf("a"), leaf("b"), leaf("notify")]
    items = {name: ran(name) for name in ("a(0:x)", "a(1:y)")}
    group = {"a": node("TaskGroup", "a"), "b": bad("b"), **items}

    def reasons(**ends: str) -> dict[str, str]:
        hooks = {name: ran(name, phase=phase) for name, phase in ends.items()}
        return resumed(failed(tasks, templates, {**group, **hooks}))[1]

    ends = {"a(0:x).onExit": "Succeeded", "a(1:y).onExit": "Succeeded"}
    assert reasons(**ends) == {"b": "it failed"} == reasons(**{"a.onExit": "Succeeded"})
    assert reasons(**{"a(0:x).onExit": "Succeeded"})["a"] == "its hook has not run"
    assert reasons(**ends | {"a(1:y).onExit": "Failed"})["a"] == "its hook failed"
    assert reasons(**ends | {"a.onExit": "Failed"})["a"] == "its hook failed"
    document = failed(tasks, templates, {**group, **{name: ran(name) for name in ends}})
    nodes = document["status"]["nodes"]
    nodes["deep"] = {**ran("c.onExit", phase="Failed"), "id": "deep", "boundaryID": "wf-abc-a(1:y)"}
    assert resumed(document)[1]["a"] == "its hook failed"


def test_hooks_of_a_file_are_part_of_the_call() -> None:
    def called(file: dict[str, Any]) -> dict[str, Any]:
        first: dict[str, Any] = file["spec"]["templates"][0]["dag"]["tasks"][0]
        return first

    document = hooked(EXIT, {"onExit": "Succeeded"})
    assert edited(document, lambda file: called(file)["hooks"].pop("exit"))[1]["a"] == "its call was changed"
    assert edited(hooked({}, {}), lambda file: called(file).update(EXIT))[1]["a"] == "its call was changed"
    _, again = edited(document, lambda file: file["spec"]["templates"][3]["container"].update(image="other:1"))
    assert again["a"] == "its program was changed"
    document["spec"]["templates"][1] = {"name": "a", "dag": {"tasks": [{"name": "in", "template": "b"}]}}
    document["status"]["nodes"]["wf-abc-a"]["type"] = "DAG"
    document["status"]["nodes"]["in"] = {**ran("in"), "id": "in", "boundaryID": "wf-abc-a"}
    assert edited(document, lambda file: None)[1] == {"b": "it failed"}
    _, again = edited(document, lambda file: file["spec"]["templates"][3]["container"].update(image="other:1"))
    assert again["a"] == "its program was changed"
