"""What is asked of Airflow's API, and what is made of its answers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from airflow_history import instance
from couler_airflow.archive import AirflowArchive
from couler_airflow.history import api as history_api
from couler_airflow.history.records import document_of
from couler_airflow.history.runs import runs_of
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted
from couler_plugins.runs import Run
from servers.airflow_api import ApiServer


def fetched(api: ApiServer, *dags: str, newest: int = 20) -> list[Run]:
    wanted = Wanted(workflows=dags or ("train",), newest=newest)
    return read(AirflowArchive(ArchiveSource(place=api.url, max_bytes=10**7)).fetch(wanted))


def read(documents: Iterable[Any]) -> list[Run]:
    """The runs of documents."""
    runs: list[Run] = []
    for document in documents:
        found = document_of(json.loads(json.dumps(document)))
        assert found is not None
        runs += runs_of(found)
    return runs


@pytest.fixture
def train(api: ApiServer) -> ApiServer:
    """Two runs of the DAG `train`, the second of which found a result in the cache, and tried a mapped task twice."""
    api.tasks["train"] = [
        {"task_id": "work", "downstream_task_ids": ["many"], "doc_md": "secret"},
        {"task_id": "many", "downstream_task_ids": []},
    ]
    api.add_run("train", "r/1", instance("work", run="r/1"), instance("many", run="r/1", map_index=0, minutes=2))
    tried = instance("many", run="r/2", map_index=0, minutes=4, try_number=2)
    api.add_run("train", "r/2", instance("work", run="r/2"), tried)
    api.tries.append(instance("many", run="r/2", map_index=0, minutes=9, state="failed"))
    api.xcoms["train", "r/1", "work", -1] = {"cached": True, "hit": False, "key": "k"}
    api.xcoms["train", "r/2", "work", -1] = json.dumps({"cached": True, "hit": True, "key": "k", "secret": "secret"})
    return api


def test_runs_are_fetched_with_tries_hits_and_edges(train: ApiServer) -> None:
    first, second = sorted(fetched(train), key=lambda run: run.steps[0].fate)
    assert [(ran.step, ran.fate, ran.seconds, ran.attempts, ran.parents) for ran in first.steps] == [
        ("train/work", "computed", 60.0, 1, ()),
        ("train/many(0)", "computed", 120.0, 1, (0,)),
    ]
    assert [(ran.step, ran.fate, ran.seconds, ran.attempts, ran.parents) for ran in second.steps] == [
        ("train/work", "loaded", None, 1, ()),
        ("train/many(0)", "computed", 240.0, 2, (0,)),
    ]


def test_nothing_is_kept_that_runs_are_not_judged_by(train: ApiServer) -> None:
    document = list(AirflowArchive(ArchiveSource(place=train.url, max_bytes=10**7)).fetch(Wanted(workflows=("train",))))
    kept = json.dumps(document)
    for text in ("secret", "a-token", "rendered_fields", "executor_config", "conf", "doc_md"):
        assert text not in kept


def test_the_newest_runs_are_asked_for(train: ApiServer) -> None:
    (run,) = fetched(train, newest=1)
    assert run.steps[0].fate == "loaded"
    (asked,) = [path for path in train.asked if path.startswith("/api/v2/dags/train/dagRuns?")]
    assert "order_by=-run_after" in asked
    assert "state=success&state=failed" in asked
    assert "limit=1&" in asked


@pytest.mark.parametrize("page_limit", [100, 7])
def test_lists_are_read_page_by_page(api: ApiServer, page_limit: int) -> None:
    api.page_limit = page_limit
    api.tasks["train"] = []
    for number in range(3):
        run = f"r{number}"
        api.add_run("train", run, *(instance("work", run=run, map_index=index) for index in range(250)))
    assert [len(run.steps) for run in fetched(api)] == [250, 250, 250]


def test_several_dags_and_one_that_is_named_twice(train: ApiServer) -> None:
    train.tasks["other"] = []
    train.add_run("other", "o", instance("x", dag_id="other", run="o"))
    assert [run.family for run in fetched(train, "other", "train", "other")] == ["other", "train", "train"]


def test_a_dag_that_never_ran_has_no_runs_and_one_that_is_not_there_is_an_error(api: ApiServer) -> None:
    api.tasks["train"] = []
    assert fetched(api) == []
    with pytest.raises(InvalidInput, match=r"refuses to look at /api/v2/dags/no%2Fsuch/tasks: 404"):
        fetched(api, "no/such")


@pytest.mark.parametrize("value", [None, 3, "not JSON {", "[]", "[" * 10_000, {"hit": "yes"}, {"hit": 1, "key": 5}])
def test_what_somebody_else_pushed_under_our_key_says_nothing(train: ApiServer, value: Any) -> None:
    train.xcoms["train", "r/2", "work", -1] = value
    first, second = sorted(fetched(train), key=lambda run: run.name)
    assert (first.steps[0].fate, second.steps[0].fate) == ("computed", "computed")
    assert second.steps[0].lookup is None


def test_what_a_hit_saved_and_what_was_not_looked_up_is_fetched(train: ApiServer) -> None:
    train.xcoms["train", "r/2", "work", -1] = {"cached": True, "hit": True, "key": "k", "saved_seconds": 75}
    train.xcoms["train", "r/1", "work", -1] = {"cached": False, "key": "k", "reason": "a branch"}
    first, second = sorted(fetched(train), key=lambda run: run.name)
    assert first.steps[0].lookup is None
    assert second.steps[0].lookup is not None
    assert (second.steps[0].lookup.hit, second.steps[0].lookup.worth) == (True, 75.0)


@pytest.mark.parametrize("worth", [-1, 1e13, "75", None])
def test_seconds_that_cannot_be_are_not_believed(train: ApiServer, worth: Any) -> None:
    train.xcoms["train", "r/2", "work", -1] = {"hit": True, "key": "k", "saved_seconds": worth}
    _, second = sorted(fetched(train), key=lambda run: run.name)
    assert second.steps[0].lookup is not None
    assert (second.steps[0].lookup.hit, second.steps[0].lookup.worth) == (True, None)


def test_pods_that_tasks_have_started_are_fetched(train: ApiServer) -> None:
    place = ("train", "r/2", "many", 0)
    train.pods = {"pod_name": {place: "many-x1"}, "pod_namespace": {place: "jobs"}}
    _, second = sorted(fetched(train), key=lambda run: run.name)
    assert [(one.pod, one.namespace) for one in second.steps[1].tries] == [("", ""), ("many-x1", "jobs")]


BROKEN: dict[str, Any] = {
    "dags/train/tasks": [[], {}, {"tasks": {}}, {"tasks": [3]}, {"tasks": [{}]}, {"tasks": [{"task_id": 3}]}],
    "dagRuns?": [
        3,
        {"dag_runs": [None]},
        {"dag_runs": [{"dag_id": "train"}]},
        {"dag_runs": [{"dag_id": "another", "dag_run_id": "x"}]},
    ],
    "taskInstances?": [
        "text",
        {"task_instances": [{"task_id": "x"}]},
        {"task_instances": [instance("work", run="another")]},
        {"task_instances": [instance("work", run="r/2", duration=-1e13)]},
    ],
    "/tries": [{"task_instances": None}, {"task_instances": [instance("another", run="r/2")]}],
    "/~/xcomEntries": [{"xcom_entries": [{}]}, {"xcom_entries": [{"task_id": "x", "map_index": "y"}]}],
    "xcomEntries/couler_cache": [[]],
}


@pytest.mark.parametrize(
    ("place", "answer"), [(place, answer) for place, answers in BROKEN.items() for answer in answers]
)
def test_garbage_is_an_error_of_the_engine(train: ApiServer, place: str, answer: Any) -> None:
    def lie(request: Any) -> bool:
        if place in request.path:
            request.reply(200, answer)
        return place in request.path

    train.faults.append(lie)
    with pytest.raises(EngineError) as caught:
        fetched(train)
    assert caught.value.hint


@pytest.mark.parametrize("total", [None, "many", 10**12, -5])
def test_a_list_without_an_end_is_left(train: ApiServer, monkeypatch: pytest.MonkeyPatch, total: Any) -> None:
    monkeypatch.setattr(history_api, "MOST", 1_000)

    def go_on(request: Any) -> bool:
        if "taskInstances?" not in request.path:
            return False
        run = request.path.split("/dagRuns/")[1].split("/")[0].replace("%2F", "/")
        request.reply(200, {"task_instances": [instance("x", run=run)] * 100, "total_entries": total})
        return True

    train.faults.append(go_on)
    if total == -5:
        assert fetched(train)
        return
    with pytest.raises(EngineError, match="a list of task_instances has no end"):
        fetched(train)
    assert len(train.asked) < 20
