"""Runs from Argo's server with its archive, and from a cluster: what is asked for, and what of it is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import stamina

from adapters.argo.statuses import node, workflow
from couler_argo.archive import ArgoArchive
from couler_argo.history import run_of
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted
from servers.json_server import JsonServer, json_server, kubeconfig, listing

ANY = Wanted()
PERSISTED = {"workflows.argoproj.io/workflow-archiving-status": "Persisted"}


def past(name: str, day: int, *, archived: bool = False, **labels: str) -> dict[str, Any]:
    """A workflow that ended on a day of January 2026, as a server without kinds gives it."""
    found = workflow({"a": node("Pod", "a")})
    labels |= PERSISTED if archived else {}
    found["metadata"] = {"name": name, "namespace": "ci", "uid": f"uid-{name}", "labels": labels}
    found["status"] |= {
        "phase": "Succeeded",
        "startedAt": f"2026-01-{day:02}T00:00:00Z",
        "finishedAt": f"2026-01-{day:02}T01:00:00Z",
    }
    return {part: found[part] for part in ("metadata", "spec", "status")}


class ArgoServer:
    """What argo-server answers: its own list goes on into the archive, whose lists have no nodes."""

    def __init__(self, live: list[dict[str, Any]], archived: list[dict[str, Any]]) -> None:
        self.live, self.archived = live, archived
        self.page = 2
        self.lies: dict[str, Any] = {}

    def __call__(self, path: str, query: Mapping[str, str]) -> Any:
        if path in self.lies:
            return self.lies[path]
        match path.strip("/").split("/")[2:]:
            case ["workflows"] | ["workflows", "ci"]:
                return self._page([*self.live, *self.archived], query)
            case ["archived-workflows"]:
                return self._page(self.archived, query)
            case ["archived-workflows", uid]:
                return next((item for item in self.archived if item["metadata"]["uid"] == uid), 404)
            case ["workflows", "ci", name]:
                return next((item for item in self.live if item["metadata"]["name"] == name), 404)
        return 404

    def _page(self, items: list[dict[str, Any]], query: Mapping[str, str]) -> Any:
        start = int(query.get("listOptions.continue", "0"))
        end = start + min(self.page, int(query["listOptions.limit"]))
        listed = [{**item, "status": {**item["status"], "nodes": None}, "spec": {}} for item in items[start:end]]
        return {"metadata": {"continue": str(end)} if end < len(items) else {}, "items": listed or None}


@pytest.fixture
def argo() -> ArgoServer:
    return ArgoServer(
        [past("nightly-bbbbb", 9), past("nightly-aaaaa", 8)],
        [past(f"nightly-c000{day}", day, archived=True) for day in (7, 6, 5)],
    )


@pytest.fixture
def server(argo: ArgoServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[JsonServer]:
    monkeypatch.setenv("COULER_ARGO_TOKEN", "Bearer v2:a-token")
    with json_server(argo) as running, stamina.set_testing(True, attempts=2, cap=True):
        yield running


def fetched(server: JsonServer, wanted: Wanted = ANY, namespace: str = "") -> list[str]:
    source = ArchiveSource(place=server.url, max_bytes=10**6, namespace=namespace)
    runs = [run_of(item) for item in map(dict, ArgoArchive(source).fetch(wanted))]
    assert all(run is not None and run.steps for run in runs)
    return [run.name for run in runs if run is not None]


def test_what_is_live_and_what_is_archived_is_fetched_once_with_its_nodes(server: JsonServer) -> None:
    every = ["nightly-bbbbb", "nightly-aaaaa", "nightly-c0007", "nightly-c0006", "nightly-c0005"]
    assert fetched(server) == every
    assert server.headers["authorization"] == "Bearer v2:a-token"
    assert server.paths.count("/api/v1/archived-workflows/uid-nightly-c0007") == 1
    assert fetched(server, namespace="ci") == every
    assert ("/api/v1/workflows/ci", "100") in [(path, query.get("listOptions.limit")) for path, query in server.asked]
    assert {
        query["listOptions.fieldSelector"] for path, query in server.asked if "listOptions.fieldSelector" in query
    } == {"metadata.namespace=ci"}


def test_what_the_history_has_is_not_read_again(server: JsonServer, argo: ArgoServer) -> None:
    wanted = Wanted(
        uids=frozenset({"uid-nightly-aaaaa", "uid-nightly-c0007"}), since={"nightly": 1767657600.0}
    )  # 6 Jan
    assert fetched(server, wanted) == ["nightly-bbbbb", "nightly-c0006"]
    assert not any("aaaaa" in path or "c0005" in path for path in server.paths)


def test_the_archive_is_read_as_far_as_anything_is_new(server: JsonServer, argo: ArgoServer) -> None:
    argo.archived += [past(f"nightly-d00{day:02}", day, archived=True) for day in (4, 4, 3, 3, 2, 2)]
    fetched(server, Wanted(since={"nightly": 1767744000.0}))  # 7 Jan
    pages = [query for path, query in server.asked if path == "/api/v1/archived-workflows"]
    assert len(pages) == 2


def test_the_newest_of_each_workflow_are_read(server: JsonServer, argo: ArgoServer) -> None:
    argo.archived.append(past("report-xyz", 1, archived=True, **{"workflows.argoproj.io/workflow-template": "report"}))
    assert fetched(server, Wanted(newest=2)) == ["nightly-bbbbb", "nightly-aaaaa", "report-xyz"]
    assert fetched(server, Wanted(workflows=("report",))) == ["report-xyz"]
    assert len(fetched(server, Wanted(newest=1, floor=1.0))) == 6


def test_what_has_gone_meanwhile_is_read_from_the_archive_or_left_out(server: JsonServer, argo: ArgoServer) -> None:
    argo.lies["/api/v1/workflows/ci/nightly-bbbbb"] = 404
    assert fetched(server)[0] == "nightly-aaaaa"
    argo.archived.append(past("nightly-bbbbb", 9, archived=True))
    assert fetched(server)[0] == "nightly-bbbbb"
    argo.lies["/api/v1/workflows/ci/nightly-aaaaa"] = past("nightly-aaaaa", 8) | {"metadata": {"uid": "another"}}
    assert "nightly-aaaaa" not in fetched(server)


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (401, InvalidInput, "refuses to look at /api/v1/workflows/: 401"),
        (403, InvalidInput, "403"),
        (500, EngineError, "500"),
        (302, EngineError, "302"),
        (b"<html>", EngineError, "no JSON"),
        ([], EngineError, "list instead of an object"),
        ({"items": {}}, EngineError, "without a list of items"),
        ({"items": [{"metadata": {"name": 7}}]}, EngineError, "without names"),
        ({"metadata": {"continue": "0"}, "items": [past("a", 1)]}, EngineError, "no end"),
    ],
)
def test_answers_that_are_none_are_plain_errors(
    server: JsonServer,
    argo: ArgoServer,
    monkeypatch: pytest.MonkeyPatch,
    answer: Any,
    kind: type[Exception],
    said: str,
) -> None:
    argo.lies["/api/v1/workflows/"] = answer
    monkeypatch.setattr("couler_argo.archive.MOST", 1000)
    with pytest.raises(kind, match=said) as caught:
        fetched(server)
    assert "a-token" not in str(caught.value)


def test_a_cluster_is_read_page_by_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    items = [
        {"kind": "Workflow", "apiVersion": "argoproj.io/v1alpha1", **past(f"live-{number}", 9)} for number in range(5)
    ]

    def answers(path: str, query: Mapping[str, str]) -> Any:
        return listing("Workflow", items, query) if path.endswith("/namespaces/ci/workflows") else 404

    with json_server(answers) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, cluster.url)))
        source = ArchiveSource(place="cluster", max_bytes=10**6)
        found = list(ArgoArchive(source).fetch(Wanted(uids=frozenset({"uid-live-3"}))))
        assert [item["metadata"]["name"] for item in found] == ["live-0", "live-1", "live-2", "live-4"]
        assert len(cluster.asked) == 3
        elsewhere = ArgoArchive(ArchiveSource(place="cluster", max_bytes=1, namespace="elsewhere"))
        with pytest.raises(EngineError, match="404"):
            list(elsewhere.fetch(Wanted()))


def test_no_cluster_is_a_plain_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(InvalidInput, match="no cluster is configured"):
        list(ArgoArchive(ArchiveSource(place="cluster", max_bytes=1)).fetch(Wanted()))
