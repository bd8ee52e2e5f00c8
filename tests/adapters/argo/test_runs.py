"""Runs read from the status of Workflows, which these tests write as Argo's controller does."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from couler_argo.plugin import couler_runs
from couler_argo.runs import family_of, run_of
from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Ran, Run

Nodes = dict[str, dict[str, Any]]
TEMPLATES = [{"name": "main", "dag": {}}, {"name": "work", "container": {"image": "work:1"}}]


def node(kind: str, name: str, *children: str, **more: Any) -> dict[str, Any]:
    """A node that ran the template `work` in `main`, from the first to the fourth minute unless said otherwise."""
    times = {"startedAt": "2026-01-01T00:01:00Z", "finishedAt": "2026-01-01T00:04:00Z"}
    base = {"type": kind, "displayName": name, "phase": "Succeeded", "templateName": "work", "boundaryID": "main"}
    return {**base, **times, "children": list(children), **more}


def workflow(nodes: Nodes, **more: Any) -> dict[str, Any]:
    main = {"type": "DAG", "displayName": "wf", "phase": "Succeeded", "templateName": "main", "children": []}
    first = next(iter(nodes))
    status = {"finishedAt": "2026-01-01T01:00:00Z", "nodes": {"main": {**main, "children": [first]}, **nodes}}
    metadata = {"name": "wf-abc", "generateName": "wf-"}
    spec = {"templates": TEMPLATES}
    return {
        "kind": "Workflow",
        "apiVersion": "argoproj.io/v1alpha1",
        "metadata": metadata,
        "spec": spec,
        "status": status,
        **more,
    }


def run(nodes: Nodes) -> Run:
    found = run_of(workflow(nodes))
    assert found is not None
    return found


def steps(nodes: Nodes) -> dict[str, Ran]:
    return {ran.step: ran for ran in run(nodes).steps}


def parents(nodes: Nodes) -> dict[str, list[str]]:
    found = run(nodes)
    return {ran.step: [found.steps[parent].step for parent in ran.parents] for ran in found.steps}


def test_a_step_has_its_time_its_type_and_the_steps_before_it() -> None:
    found = run({"a": node("Pod", "a", "b"), "b": node("Pod", "b")})
    assert (found.family, found.at) == ("wf", 1767229200.0)
    assert [(ran.step, ran.type, ran.seconds, ran.fate, ran.parents) for ran in found.steps] == [
        ("main/a", "work", 180.0, "computed", ()),
        ("main/b", "work", 180.0, "computed", (0,)),
    ]


def test_sizes_are_known_of_parameters_and_unknown_with_artifacts() -> None:
    told = {"parameters": [{"name": "x", "value": "12345"}], "result": "ok"}
    made = {"artifacts": [{"name": "o", "s3": {"key": "k"}}], **told}
    found = steps({"a": node("Pod", "a", "b", outputs=told), "b": node("Pod", "b", outputs=made)})
    assert found["main/a"].bytes == 7
    assert found["main/b"].bytes is None


def test_a_hit_took_no_time_and_its_key_is_the_one_argo_used() -> None:
    memo = {"hit": True, "key": "abc", "cacheName": "couler-cache-wf-00"}
    found = steps({"a": node("Pod", "a", memoizationStatus=memo)})
    assert (found["main/a"].fate, found["main/a"].key, found["main/a"].seconds) == ("loaded", "abc", None)
    missed = steps({"a": node("Pod", "a", memoizationStatus={**memo, "hit": False})})
    assert (missed["main/a"].fate, missed["main/a"].key, missed["main/a"].seconds) == ("computed", "abc", 180.0)


def test_a_retried_step_is_one_step_and_its_last_attempt_is_what_it_took() -> None:
    found = steps(
        {
            "a": node("Retry", "a", "a0", "a1", startedAt="2026-01-01T00:00:00Z"),
            "a0": node("Pod", "a(0)", phase="Failed"),
            "a1": node("Pod", "a(1)", "b", startedAt="2026-01-01T00:03:30Z"),
            "b": node("Pod", "b"),
        }
    )
    assert set(found) == {"main/a", "main/b"}
    assert (found["main/a"].attempts, found["main/a"].seconds) == (2, 30.0)
    assert found["main/b"].parents == (0,)


def test_a_graph_that_is_retried_as_a_whole_is_no_step() -> None:
    nodes = {
        "r": node("Retry", "r", "d"),
        "d": node("DAG", "r(0)", "x", templateName="inner"),
        "x": node("Pod", "x", boundaryID="d"),
    }
    assert parents(nodes) == {"main/r/inner/x": []}
    assert run(nodes).steps[0].site == "inner/x"


def test_a_graph_that_is_called_twice_has_steps_of_two_names_and_one_site() -> None:
    nodes = {
        "a": node("DAG", "a", "x", "b", templateName="inner"),
        "x": node("Pod", "x(0:red)", boundaryID="a"),
        "b": node("DAG", "b", "y", templateName="inner"),
        "y": node("Pod", "x(0:red)", boundaryID="b"),
    }
    found = run(nodes).steps
    assert {ran.step for ran in found} == {"main/a/inner/x(0:red)", "main/b/inner/x(0:red)"}
    assert {ran.site for ran in found} == {"inner/x"}


@pytest.mark.parametrize(
    ("phase", "fate"),
    [("Failed", "failed"), ("Error", "failed"), ("Omitted", "skipped"), ("Running", "pending"), ("Pending", "pending")],
)
def test_what_became_of_a_step(phase: str, fate: str) -> None:
    found = steps({"a": node("Pod", "a", phase=phase)})["main/a"]
    assert (found.fate, found.seconds, found.bytes) == (fate, *((0.0, 0) if fate == "skipped" else (None, None)))


def test_steps_in_groups_come_after_all_of_the_group_before() -> None:
    nodes = {
        "g0": node("StepGroup", "[0]", "a", "b"),
        "a": node("Pod", "a", "g1"),
        "b": node("Pod", "b", "g1"),
        "g1": node("StepGroup", "[1]", "c", "d"),
        "c": node("Pod", "c"),
        "d": node("Pod", "d"),
    }
    assert parents(nodes) == {
        "main/a": [],
        "main/b": [],
        "main/c": ["main/a", "main/b"],
        "main/d": ["main/a", "main/b"],
    }


def test_an_edit_of_a_template_or_of_a_value_changes_the_spec_and_the_keys_after_it() -> None:
    def keys(image: str, value: str) -> list[str]:
        given = {"parameters": [{"name": "x", "value": value}]}
        document = workflow({"a": node("Pod", "a", "b", inputs=given), "b": node("Pod", "b", templateName="other")})
        document["spec"] = {"templates": [{"name": "work", "container": {"image": image}}, {"name": "other"}]}
        found = run_of(document)
        assert found is not None
        return [text for ran in found.steps for text in (ran.spec, ran.key)]

    base = keys("work:1", "1")
    assert base == keys("work:1", "1")
    for changed in (keys("work:2", "1"), keys("work:1", "2")):
        assert [one == other for one, other in zip(base, changed, strict=True)] == [False, False, True, False]


def test_compressed_nodes_are_read_and_broken_ones_refused() -> None:
    document = workflow({"a": node("Pod", "a")})
    nodes = json.dumps(document["status"].pop("nodes")).encode()
    document["status"]["compressedNodes"] = base64.b64encode(gzip.compress(nodes)).decode()
    found = run_of(document)
    assert found is not None
    assert [ran.step for ran in found.steps] == ["main/a"]
    document["status"]["compressedNodes"] = base64.b64encode(gzip.compress(nodes)[:-20]).decode()
    with pytest.raises(InvalidInput, match="compressedNodes cannot be read"):
        run_of(document)


@pytest.mark.parametrize(
    "nodes", [{"a": 1}, {"a": {"type": "Pod", "inputs": 3}}, {"a": {"type": "Pod", "children": 3}}]
)
def test_a_status_that_argo_never_wrote_is_refused(nodes: Any) -> None:
    with pytest.raises(InvalidInput, match="not what Argo writes"):
        run_of(workflow({"x": node("Pod", "x"), **nodes}))


def test_a_run_that_failed_is_not_whole() -> None:
    document = workflow({"a": node("Pod", "a")})
    for phase, whole in (("Succeeded", True), ("Running", True), ("Failed", False), ("Error", False)):
        document["status"]["phase"] = phase
        found = run_of(document)
        assert found is not None
        assert found.whole is whole


def test_what_argo_list_prints_is_read() -> None:
    one = workflow({"a": node("Pod", "a")})
    bare = {key: value for key, value in one.items() if key not in ("kind", "apiVersion")}
    (document,) = read(json.dumps([one, bare, 3, {"kind": "Pod"}]).encode(), "list.json").documents
    assert [run.family for run in couler_runs(document)] == ["wf", "wf"]


def test_a_circle_is_refused() -> None:
    with pytest.raises(InvalidInput, match="comes after itself"):
        run({"a": node("Pod", "a", "b"), "b": node("Pod", "b", "a")})


def test_the_family_is_the_template_the_schedule_or_the_stem_of_the_name() -> None:
    assert family_of({"metadata": {"name": "x"}, "spec": {"workflowTemplateRef": {"name": "t"}}}) == "t"
    assert family_of({"metadata": {"name": "c-1", "labels": {"workflows.argoproj.io/cron-workflow": "c"}}}) == "c"
    assert family_of({"metadata": {"name": "x-abc", "generateName": "x-"}}) == "x"
    assert family_of({"metadata": {"name": "x"}}) == "x"


def test_documents_and_lists_of_them_tell_of_runs() -> None:
    one = workflow({"a": node("Pod", "a")})
    never = {**one, "status": {}}
    text = json.dumps({"kind": "List", "apiVersion": "v1", "items": [one, never, one]})
    (document,) = read(text.encode(), "history.json").documents
    assert len(couler_runs(document)) == 2
    assert couler_runs(read(b"kind: Pod\n", "pod.yaml").documents[0]) == []


def test_ten_thousand_steps_in_a_chain() -> None:
    chain = {f"n{number}": node("Pod", f"s{number}", f"n{number + 1}") for number in range(10_000)}
    found = run(chain)
    assert len(found.steps) == 10_000
    assert found.steps[-1].parents == (9_998,)


def test_a_hit_of_a_retried_step_has_no_attempt_and_is_a_step() -> None:
    memo = {"hit": True, "key": "abc"}
    found = steps({"a": node("Retry", "a", "b", memoizationStatus=memo), "b": node("Pod", "b")})
    assert (found["main/a"].fate, found["main/a"].key) == ("loaded", "abc")
    assert found["main/b"].parents == (0,)


def test_a_miss_of_a_retried_step_has_its_key_on_the_retry() -> None:
    memo = {"hit": False, "key": "abc"}
    found = steps({"a": node("Retry", "a", "a0", memoizationStatus=memo), "a0": node("Pod", "a(0)")})
    assert (found["main/a"].fate, found["main/a"].key, found["main/a"].seconds) == ("computed", "abc", 180.0)


def test_a_hook_of_a_retried_step_is_no_attempt() -> None:
    flags = {"nodeFlag": {"retried": True}}
    found = steps(
        {
            "a": node("Retry", "a", "a0", "h"),
            "a0": node("Pod", "a(0)", **flags),
            "h": node("Pod", "a.onExit", startedAt="2026-01-01T00:03:50Z", nodeFlag={"hooked": True}),
        }
    )
    assert (found["main/a"].attempts, found["main/a"].seconds) == (1, 180.0)
    assert found["main/a.onExit"].parents == (0,)


def test_waiting_is_no_work_and_a_daemon_says_nothing() -> None:
    found = steps({"a": node("Suspend", "a", "b"), "b": node("Pod", "b", daemoned=True)})
    assert (found["main/a"].seconds, found["main/b"].seconds) == (0.0, None)


def test_a_large_group_after_a_large_group_is_joined_by_one_step() -> None:
    """Each of 2,000 would have 2,000 parents else."""
    first = [f"a{number}" for number in range(2000)]
    second = [f"b{number}" for number in range(2000)]
    nodes = {"g0": node("StepGroup", "[0]", *first)}
    nodes |= {name: node("Pod", name, "g1") for name in first}
    nodes |= {"g1": node("StepGroup", "[1]", *second), **{name: node("Pod", name) for name in second}}
    found = run(nodes)
    assert sum(len(ran.parents) for ran in found.steps) == 4000
    (join,) = [ran for ran in found.steps if ran.step == "main/[1]"]
    assert (join.seconds, join.bytes, join.fate) == (0.0, 0, "computed")
