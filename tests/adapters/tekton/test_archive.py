"""Runs from Tekton Results, and from a cluster: what is asked for, and what of it is fetched."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import stamina

from adapters.tekton.test_runs import pipeline_run, task_run
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted
from couler_plugins.runs import Run
from couler_tekton.archive import TektonArchive
from couler_tekton.history import runs_in
from servers.json_server import JsonServer, json_server, kubeconfig, listing

ANY = Wanted()
ROOT = "/apis/results.tekton.dev/v1alpha2/parents/"
TASKS: list[dict[str, Any]] = [{"name": "fetch"}, {"name": "train", "runAfter": ["fetch"]}]


def past(name: str, namespace: str = "ml") -> list[dict[str, Any]]:
    """A PipelineRun with its TaskRuns, the newest object first, as they are recorded."""
    things = [task_run(name, "train", 40, 90), task_run(name, "fetch", 0, 30), pipeline_run(name, TASKS)]
    for thing in things:
        thing["metadata"] |= {"uid": f"uid-{thing['metadata']['name']}", "namespace": namespace, "managedFields": ["x"]}
    return things


class Results:
    """What the API answers: records in base64, by type and time, in pages."""

    def __init__(self, *things: dict[str, Any]) -> None:
        self.things = list(things)
        self.lie: Any = None

    def __call__(self, path: str, query: Mapping[str, str]) -> Any:
        if self.lie is not None:
            return self.lie
        if not path.startswith(ROOT) or not path.endswith("/results/-/records"):
            return 404
        parent = path.removeprefix(ROOT).partition("/")[0]
        types = re.findall(r'data_type == "([^"]+)"', query["filter"])
        after = re.search(r'data\.status\.(\w+) > timestamp\("([^"]+)"\)', query["filter"])
        found = [
            thing
            for thing in self.things
            if f"{thing['apiVersion']}.{thing['kind']}" in types
            and parent in ("-", thing["metadata"]["namespace"])
            and (after is None or str(thing["status"].get(after[1], "")) > after[2])
        ]
        start = int(query.get("page_token", "0"))
        page = found[start : start + 2]
        records = [
            {"name": "r", "data": {"type": "t", "value": base64.b64encode(json.dumps(thing).encode()).decode()}}
            for thing in page
        ]
        more = {"nextPageToken": str(start + 2)} if start + 2 < len(found) else {"nextPageToken": ""}
        return {"records": records, **more} if records else {}


@pytest.fixture
def results() -> Results:
    return Results(*past("train-3"), *past("train-2"), *past("train-1"))


@pytest.fixture
def server(results: Results, monkeypatch: pytest.MonkeyPatch) -> Iterator[JsonServer]:
    monkeypatch.setenv("COULER_TEKTON_TOKEN", "a-token")
    with json_server(results) as running, stamina.set_testing(True, attempts=2, cap=True):
        yield running


def fetched(url: str, wanted: Wanted = ANY, namespace: str = "") -> list[Run]:
    source = ArchiveSource(place=url, max_bytes=10**6, namespace=namespace)
    documents = list(TektonArchive(source).fetch(wanted))
    assert "managedFields" not in json.dumps(documents)
    return [run for document in documents for run in runs_in(document)]


def test_runs_are_fetched_with_their_tasks(server: JsonServer) -> None:
    runs = fetched(server.url)
    assert sorted(run.name for run in runs) == ["train-1", "train-2", "train-3"]
    assert {tuple((step.step, step.seconds) for step in run.steps) for run in runs} == {
        (("pipeline/fetch", 30.0), ("pipeline/train", 50.0))
    }
    assert server.headers["authorization"] == "Bearer a-token"
    assert {path for path, _ in server.asked} == {f"{ROOT}-/results/-/records"}


def test_only_what_is_new_is_asked_for(server: JsonServer, results: Results) -> None:
    old = past("train-0")
    old[2]["status"] |= {"startTime": "2025-12-01T00:00:00Z", "completionTime": "2025-12-01T01:00:00Z"}
    results.things += old
    wanted = Wanted(since={"train": 1767225600.0}, uids=frozenset({"uid-train-3"}))  # 1 January 2026
    assert sorted(run.name for run in fetched(server.url, wanted)) == ["train-1", "train-2"]
    filters = [query["filter"] for _, query in server.asked]
    assert 'data.status.completionTime > timestamp("2026-01-01T00:00:00Z")' in filters[0]
    assert 'data.status.startTime > timestamp("2025-12-31T23:59:00Z")' in filters[-1]
    assert {query["order_by"] for _, query in server.asked} == {"create_time desc"}


def test_the_newest_of_each_workflow_are_fetched(server: JsonServer) -> None:
    assert [run.name for run in fetched(server.url, Wanted(newest=1))] == ["train-3"]


def test_runs_of_one_name_in_two_namespaces_are_two(server: JsonServer, results: Results) -> None:
    results.things += past("train-3", "other")
    runs = [run for run in fetched(server.url) if run.name == "train-3"]
    assert [len(run.steps) for run in runs] == [2, 2]
    assert [run.name for run in fetched(server.url, namespace="other")] == ["train-3"]


@pytest.mark.parametrize(
    ("lie", "kind", "said"),
    [
        (401, InvalidInput, "refuses to list records of all namespaces: 401"),
        (404, InvalidInput, "404"),
        (500, EngineError, "500"),
        (b"<html>", EngineError, "no JSON"),
        ([], EngineError, "list instead of an object"),
        ({"records": {"a": 1}}, EngineError, "without a list of records"),
        ({"records": [{"data": {"value": "%"}}]}, EngineError, "no object"),
        ({"records": [{"data": {"value": "W10="}}]}, EngineError, "no object"),
        ({"records": [{}]}, EngineError, "no object"),
    ],
)
def test_answers_that_are_none_are_plain_errors(
    server: JsonServer, results: Results, lie: Any, kind: type[Exception], said: str
) -> None:
    results.lie = lie
    with pytest.raises(kind, match=said) as caught:
        fetched(server.url)
    assert "a-token" not in str(caught.value)


def test_a_list_that_goes_in_circles_is_an_error(server: JsonServer, results: Results) -> None:
    record = {"data": {"value": base64.b64encode(json.dumps(past("a")[2]).encode()).decode()}}
    results.lie = {"records": [record], "nextPageToken": "again"}
    with pytest.raises(EngineError, match="has no end"):
        fetched(server.url)


def test_a_cluster_is_read_page_by_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    things = [*past("train-1", "ci"), *past("train-2", "ci"), *past("train-3", "ci")]

    def answers(path: str, query: Mapping[str, str]) -> Any:
        for kind in ("PipelineRun", "TaskRun"):
            if path == f"/apis/tekton.dev/v1/namespaces/ci/{kind.lower()}s":
                return listing(kind, [thing for thing in things if thing["kind"] == kind], query)
        return 404

    with json_server(answers) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, cluster.url)))
        runs = fetched("cluster", Wanted(uids=frozenset({"uid-train-2"})))
        assert sorted((run.name, len(run.steps)) for run in runs) == [("train-1", 2), ("train-3", 2)]
