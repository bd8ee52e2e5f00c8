"""What Argo's status says of look-ups in a cache: memoized steps and graphs, and steps that are wrapped."""

from __future__ import annotations

import copy
import json
from typing import Any

import msgspec
import pytest

from adapters.argo.caching.small import made
from adapters.argo.statuses import node, run, steps, workflow
from adapters.argo.wrapper.manifests import WRAPPER, document
from couler_argo.history import run_of
from couler_plugins.caching import keys
from couler_plugins.caching.artifacts import Entry, Meta
from couler_plugins.caching.report import Stored, report
from couler_plugins.runs import Lookup, Run

MEMO = {"hit": True, "key": "abc", "cacheName": "couler-cache-wf-00"}
MISSED = {**MEMO, "hit": False}
STARTED = 1767225660.0
"""When the nodes of these statuses began."""


def test_a_memoized_step_says_what_its_cache_answered() -> None:
    at = "2026-01-01T00:01:00Z"  # a hit has no pod: it ends when it begins
    hit = steps({"a": node("Pod", "a", memoizationStatus=MEMO, finishedAt=at)})["main/a"]
    assert (hit.fate, hit.lookup) == ("loaded", Lookup(hit=True, key="abc", began=STARTED, seconds=0.0))
    missed = steps({"a": node("Pod", "a", memoizationStatus=MISSED)})["main/a"]
    assert (missed.fate, missed.lookup) == ("computed", Lookup(hit=False, key="abc", began=STARTED, seconds=180.0))
    assert steps({"a": node("Pod", "a")})["main/a"].lookup is None


def test_a_retried_step_is_looked_up_once() -> None:
    nodes = {"a": node("Retry", "a", "a0", memoizationStatus=MISSED), "a0": node("Pod", "a(0)")}
    found = run(nodes)
    assert [ran.lookup and ran.lookup.hit for ran in found.steps] == [False]
    assert found.groups == ()


def test_a_graph_that_is_memoized_as_a_whole_is_looked_up_as_a_whole() -> None:
    inner = {"templateName": "inner", "finishedAt": "2026-01-01T00:02:00Z"}
    nodes = {
        "a": node("DAG", "a", "x", memoizationStatus=MISSED, **inner),
        "x": node("Pod", "x", boundaryID="a"),
    }
    missed = run(nodes)
    assert [ran.step for ran in missed.steps] == ["main/a/inner/x"]
    assert [(ran.step, ran.site, ran.seconds, ran.artifact) for ran in missed.groups] == [
        ("main/a", "main/a", 60.0, False)
    ]
    hit = run({"a": node("DAG", "a", memoizationStatus=MEMO, **inner)})
    assert ([ran.step for ran in hit.steps], hit.groups) == (["main/a"], ())
    row = report([missed, msgspec.structs.replace(hit, name="another")]).steps[0]
    assert (row.step, row.runs, row.hits, row.seconds_saved) == ("main/a", 2, 1, 60.0)


# A wrapper looks its key up in the pod, and Argo hears nothing of that.


def wrapped(name: str = "w-1", *, x: str = "1", **more: Any) -> Run:
    """A run of the wrapped workflow, whose step `size` began at a minute past midnight."""
    optimized = copy.deepcopy(made(document(), pipeline=WRAPPER).documents[0])
    nodes = {"a": node("Pod", "a", templateName="size", inputs={"parameters": [{"name": "x", "value": x}]}, **more)}
    status = workflow(nodes)["status"]
    metadata = {**optimized["metadata"], "name": name, "namespace": "ml"}
    found = run_of({**optimized, "metadata": metadata, "status": status})
    assert found is not None
    return found


def key(x: str = "1") -> str:
    """The key of `size`, by what the document itself says that it covers."""
    annotations = made(document(), pipeline=WRAPPER).documents[0]["metadata"]["annotations"]
    return keys.key(json.loads(annotations["couler.io/key-spec"])["size"], [x, "ml", ""])


def entry(key: str, **meta: Any) -> Stored:
    return Stored(Entry(namespace="default", key=key, outputs=(), meta=Meta(**meta), created=STARTED - 30))


def test_the_key_of_a_wrapped_step_is_computed_from_the_status() -> None:
    (step,) = wrapped(x="5").steps
    assert step.lookup == Lookup(hit=None, key=key("5"), began=STARTED, seconds=180.0)
    assert (step.key, step.fate) == (key("5"), "computed")
    assert key("5") != key("1")


def test_the_store_tells_whether_a_wrapped_step_was_a_hit() -> None:
    several = [wrapped(), wrapped("w-2", x="7")]
    assert [row.unknown for row in report(several).steps] == [2]
    (row,) = report(several, [entry(key(), run="w-0", seconds=90.0)]).steps
    assert (row.workflow, row.step, row.hits, row.unknown, row.seconds_saved) == ("w", "main/a", 1, 1, 90.0)


def test_a_wrapped_command_that_failed_was_no_hit() -> None:
    (step,) = wrapped(phase="Failed").steps
    assert step.lookup is not None
    assert (step.fate, step.lookup.hit) == ("failed", False)


@pytest.mark.parametrize("break_it", ["value", "namespace", "key", "age"])
def test_a_key_that_cannot_be_told_is_none(break_it: str) -> None:
    optimized = copy.deepcopy(made(document(), pipeline=WRAPPER).documents[0])
    template = "read" if break_it == "age" else "size"
    ports = [{"name": "couler-lineage", "value": "l"}, {"name": "x", **({} if break_it == "value" else {"value": "1"})}]
    if break_it == "key":
        (size,) = [item for item in optimized["spec"]["templates"] if item["name"] == "size"]
        restore = size["initContainers"][-1]
        restore["args"] = [text.replace("workflow.namespace", "workflow.name") for text in restore["args"]]
    status = workflow({"a": node("Pod", "a", templateName=template, inputs={"parameters": ports})})["status"]
    metadata = {"name": "w-1", **({} if break_it == "namespace" else {"namespace": "ml"})}
    found = run_of({**optimized, "metadata": metadata, "status": status})
    assert found is not None
    (step,) = found.steps
    assert step.lookup is not None
    assert (step.lookup.hit, step.lookup.key) == (None, "")


def test_parameters_of_the_workflow_are_those_that_were_submitted() -> None:
    optimized = copy.deepcopy(made(document(), pipeline=WRAPPER).documents[0])
    text = json.dumps(optimized).replace("workflow.namespace", "workflow.parameters['region']")
    data = json.loads(text)
    stored = {"arguments": {"parameters": [{"name": "region", "value": "us"}]}, "serviceAccountName": "robot"}
    data["spec"]["arguments"] = {"parameters": [{"name": "region", "value": "eu"}]}
    nodes = {"a": node("Pod", "a", templateName="size", inputs={"parameters": [{"name": "x", "value": "1"}]})}
    status = {**workflow(nodes)["status"], "storedWorkflowTemplateSpec": stored}
    found = run_of({**data, "metadata": {"name": "w-1"}, "status": status})
    assert found is not None
    spec = json.loads(optimized["metadata"]["annotations"]["couler.io/key-spec"])["size"]
    assert found.steps[0].key == keys.key(spec, ["1", "eu", "robot"])
