"""Documents that tell of runs: their families and templates, lists of them, and statuses that nobody wrote."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from adapters.argo.statuses import node, workflow
from couler_argo.history import family_of, run_of
from couler_argo.plugin import couler_runs
from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput


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


def test_metadata_that_argo_never_wrote_are_refused() -> None:
    for metadata in (3, {"labels": 3}):
        with pytest.raises(InvalidInput, match="not what Argo writes"):
            run_of(workflow({"x": node("Pod", "x")}, metadata=metadata))


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
