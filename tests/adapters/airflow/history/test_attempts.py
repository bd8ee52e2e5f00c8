"""Attempts that Airflow tells of, with pods that are a task's own and no worker's that runs others as well."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_history import document, instance, text
from couler_airflow.history.api import pods_of
from couler_airflow.history.records import Cached
from couler_airflow.plugin import couler_runs
from couler_plugins.documents import read
from couler_plugins.runs import Attempt, Run

START = 1767225600.0
OWN = "train-work-ab12cd34"
POD = {"dag_id": "train", "dag_run_id": "r1", "task_id": "work", "name": "job-1", "namespace": "jobs"}


def ran(*instances: dict[str, Any], **more: Any) -> Run:
    (found,) = read(text(document(*instances, **more)), "runs.json").documents
    return couler_runs(found)[0]


def pods(*instances: dict[str, Any], **more: Any) -> list[str]:
    return [one.pod for one in ran(*instances, **more).steps[0].tries]


def test_a_try_has_its_times_and_its_end() -> None:
    found = ran(instance("work", minutes=2))
    assert found.steps[0].tries == (Attempt(start=START, end=START + 120, succeeded=True),)
    assert (found.engine, found.uid) == ("airflow", "train/r1")


def test_earlier_tries_come_first_and_each_once() -> None:
    last = instance("work", try_number=3)
    earlier = [instance("work", try_number=number, state="failed", minutes=number) for number in (2, 1)]
    tries = ran(last, tries=[*earlier, earlier[0], last]).steps[0].tries
    assert [(one.succeeded, one.seconds) for one in tries] == [(False, 60.0), (False, 120.0), (True, 60.0)]


@pytest.mark.parametrize("state", ["skipped", "upstream_failed", "running", None])
def test_what_did_not_run_to_an_end_has_no_attempt(state: str | None) -> None:
    assert pods(instance("work", state=state)) == []


def test_a_hit_is_no_attempt() -> None:
    said = [{"dag_id": "train", "dag_run_id": "r1", "task_id": "work", "hit": True, "key": "k"}]
    assert pods(instance("work"), cached=said) == []


def test_the_pod_that_an_operator_has_started_is_that_of_its_last_try() -> None:
    last = instance("work", try_number=2, hostname=OWN, operator="OfOurs")
    earlier = instance("work", try_number=1, state="failed", hostname="train-work-zz12cd34", operator="OfOurs")
    tries = ran(last, tries=[earlier], pods=[POD]).steps[0].tries
    assert [(one.pod, one.namespace) for one in tries] == [("", ""), ("job-1", "jobs")]


def test_what_has_started_a_pod_in_another_run_has_none_of_its_own_in_this_one() -> None:
    assert pods(instance("work", hostname=OWN), pods=[{**POD, "dag_run_id": "r2"}]) == [""]


@pytest.mark.parametrize(
    ("of", "pod"),
    [
        ({"hostname": OWN}, OWN),
        ({"hostname": f"{OWN}.airflow.svc"}, OWN),
        ({"hostname": "airflow-worker-0"}, ""),  # which runs others beside it
        ({"hostname": "train-work-more-ab12cd34"}, ""),
        ({"hostname": None}, ""),
        ({"hostname": OWN, "operator": "KubernetesPodOperator"}, ""),  # its pod is another one
    ],
)
def test_a_host_is_a_pod_where_the_executor_has_made_it_for_the_task(of: dict[str, Any], pod: str) -> None:
    assert pods(instance("work", **of), pods=[]) == [pod]


def test_where_nobody_has_asked_for_pods_a_host_is_none() -> None:
    assert pods(instance("work", hostname=OWN)) == [""]


@pytest.mark.airflow
def test_the_executor_names_pods_so() -> None:
    pytest.importorskip("airflow.providers.cncf.kubernetes", reason="the provider that names them is not installed")
    from airflow.providers.cncf.kubernetes.kubernetes_helper_functions import create_unique_id

    for task in ("work", "a_group.Work_1", "x" * 80, "group-." + "y" * 50):
        name = create_unique_id("train", task)
        assert pods(instance(task, hostname=name), pods=[]) == [name]


def test_names_of_pods_are_read_as_airflow_keeps_them() -> None:
    place = Cached(dag_id="train", dag_run_id="r1", task_id="work", map_index=2)
    other = Cached(dag_id="train", dag_run_id="r1", task_id="other")
    (first, second) = pods_of([(place, '"job-1"'), (other, {"no": "text"})], [(place, "jobs")])
    assert (first.place, first.name, first.namespace) == (place.place, "job-1", "jobs")
    assert (second.name, second.namespace) == ("", "")
