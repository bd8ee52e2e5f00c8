"""What is asked of KFP's API, and what is made of its answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import stamina

from couler_kfp.archive import KfpArchive
from couler_kfp.history.records import document_of
from couler_kfp.history.runs import runs_of
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted
from couler_plugins.runs import Run
from kfp_history import PIPELINE, run, task
from servers.kfp_api import KfpServer

TRAIN = Wanted(workflows=("train",))


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[KfpServer]:
    """Two runs of an uploaded pipeline between others; one of a file that was submitted as it was."""
    monkeypatch.delenv("COULER_KFP_TOKEN", raising=False)
    with KfpServer() as server, stamina.set_testing(True, attempts=2, cap=True):
        server.pipelines = {"train": "p1", "other": "p2"}
        server.versions = {("p1", "v1"): {"pipeline_spec": PIPELINE, "platform_spec": {}}}
        version: Any = {"pipeline_version_reference": {"pipeline_id": "p1", "pipeline_version_id": "v1"}}
        other: Any = {"pipeline_version_reference": {"pipeline_id": "p2", "pipeline_version_id": "v1"}}
        bare = {**PIPELINE, "pipelineInfo": {"name": "file"}}
        secret: Any = {"runtime_config": {"parameters": {"password": "secret"}}}
        server.runs = [
            run(run_id="now", state="RUNNING", **version),
            run(task("load", 20, 80), run_id="r2", **version, **secret),
            run(task("load", 20, 50), run_id="o1", **other),
            run(task("load", 20, 60), run_id="r1", **version),
            run(task("load", 20, 40), run_id="f1", pipeline_spec=bare),
        ]
        yield server


def fetched(api: KfpServer, *names: str, newest: int = 20) -> list[Run]:
    wanted = Wanted(workflows=names or ("train",), newest=newest)
    return read(KfpArchive(ArchiveSource(place=api.url, max_bytes=10**6)).fetch(wanted))


def read(documents: Iterable[Any]) -> list[Run]:
    """The runs of documents, by pipeline and end."""
    runs: list[Run] = []
    for document in documents:
        found = document_of(json.loads(json.dumps(document)))
        assert found is not None
        runs += runs_of(found)
    return sorted(runs, key=lambda run: (run.family, run.name))


def test_the_runs_of_a_pipeline_that_have_ended_are_fetched_with_what_it_was(api: KfpServer) -> None:
    found = fetched(api)
    assert [[(ran.step, ran.seconds) for ran in item.steps] for item in found] == [
        [("root/load", 40.0)],
        [("root/load", 60.0)],
    ]
    assert {item.family for item in found} == {"train"}


def test_runs_of_a_file_are_found_by_the_name_in_it(api: KfpServer) -> None:
    (found,) = fetched(api, "file")
    assert (found.family, found.steps[0].step) == ("file", "root/load")


def test_only_so_many_are_fetched_and_nothing_else_is_looked_at(api: KfpServer) -> None:
    (found,) = fetched(api, newest=1)
    assert found.steps[0].seconds == 60.0
    assert "/apis/v2beta1/runs/r1" not in api.asked
    assert "/apis/v2beta1/runs/o1" not in api.asked


def test_nothing_is_kept_that_runs_are_not_judged_by(api: KfpServer) -> None:
    document = list(KfpArchive(ArchiveSource(place=api.url, max_bytes=10**6)).fetch(TRAIN))
    kept = json.dumps(document)
    for text in ("secret", "runtime_config", "image", 'display_name": "a run'):
        assert text not in kept


def test_the_token_is_sent_and_who_has_none_is_told(api: KfpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    api.token = "a-token"
    with pytest.raises(InvalidInput, match="401") as caught:
        fetched(api)
    assert "COULER_KFP_TOKEN" in str(caught.value)
    monkeypatch.setenv("COULER_KFP_TOKEN", "a-token")
    assert fetched(api)
    monkeypatch.setenv("COULER_KFP_TOKEN", "two\nlines")
    with pytest.raises(InvalidInput, match="is no token"):
        fetched(api)


def test_a_pipeline_that_is_not_there_is_an_error(api: KfpServer) -> None:
    with pytest.raises(InvalidInput, match="knows no pipeline 'nothing'"):
        fetched(api, "nothing")
    assert fetched(api, "other") != []
    api.runs = []
    assert fetched(api, "other") == []


@pytest.mark.parametrize(
    ("path", "answer", "said"),
    [
        ("/apis/v2beta1/runs", [], "answers with a list"),
        ("/apis/v2beta1/runs", {"runs": 3}, "without a list of runs"),
        ("/apis/v2beta1/runs/r2", {"run_id": "another"}, "returned another run"),
        ("/apis/v2beta1/runs/r2", {"run_id": 3}, "not a history of KFP"),
    ],
)
def test_what_the_server_cannot_mean_is_an_error(api: KfpServer, path: str, answer: Any, said: str) -> None:
    api.lies[path] = answer
    with pytest.raises(EngineError, match=said):
        fetched(api)


def test_the_prefix_of_a_gateway(api: KfpServer) -> None:
    source = ArchiveSource(place=f"{api.url}/apis/v2beta1/", max_bytes=10**6)
    assert next(iter(KfpArchive(source).fetch(TRAIN)))["schema"] == "couler.kfp-runs/v1"
