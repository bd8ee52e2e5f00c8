"""Runs and profiles from what Airflow tells of task instances: what each was, took, and came after."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from airflow_history import document, instance, text
from couler_airflow.history.records import SCHEMA, document_of
from couler_airflow.plugin import couler_runs
from couler_plugins.caching.profiles import profiles_of
from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs import Profile
from couler_plugins.ir import Call, Graph, Operation, Step, Workflow
from couler_plugins.runs import Lookup, Run, StepRun


def runs(data: Any) -> list[Run]:
    (found,) = read(text(data), "runs.json").documents
    return couler_runs(found)


def steps(data: Any) -> dict[str, StepRun]:
    (run,) = runs(data)
    return {ran.step: ran for ran in run.steps}


def profile(data: Any, task: str = "work") -> Profile | None:
    """The figures of a task; its attempts are left out."""
    graph = Graph(name="train", steps=(Step(name=task, call=Call(name=f"task/{task}")),))
    workflow = Workflow(
        engine="airflow",
        kind="DAG",
        name="train",
        entry=Step(name="train", call=Call(name="train")),
        graphs=(graph,),
        operations=(Operation(name=f"task/{task}", kind="python"),),
    )
    found = profiles_of(workflow, runs(data)).get(f"train/{task}")
    return None if found is None else msgspec.structs.replace(found, tries=None)


def test_a_task_has_its_time_and_the_tasks_before_it() -> None:
    edges = {"load": ["work"], "work": []}
    (run,) = runs(document(instance("work", minutes=3), instance("load", minutes=1), edges=edges))
    assert (run.family, run.whole, run.at) == ("train", True, 1767225780.0)
    assert [(ran.step, ran.site, ran.seconds, ran.fate, ran.parents) for ran in run.steps] == [
        ("train/load", "train/load", 60.0, "computed", ()),
        ("train/work", "train/work", 180.0, "computed", (0,)),
    ]


def test_an_answer_of_the_api_is_a_document_by_itself() -> None:
    found = steps({"task_instances": [instance("work")], "total_entries": 1})
    assert found["train/work"].seconds == 60.0


@pytest.mark.parametrize(
    ("state", "fate", "seconds", "artifact"),
    [
        ("success", "computed", 60.0, True),
        ("failed", "failed", None, True),
        ("skipped", "skipped", 0.0, False),
        ("upstream_failed", "skipped", 0.0, False),
        ("running", "pending", None, True),
        ("up_for_retry", "pending", None, True),
        ("deferred", "pending", None, True),
        ("a state of tomorrow", "pending", None, True),
        (None, "pending", None, True),
    ],
)
def test_what_became_of_a_task(state: str | None, fate: str, seconds: float | None, artifact: bool) -> None:
    ran = steps(document(instance("work", state=state)))["train/work"]
    assert (ran.fate, ran.seconds, ran.artifact) == (fate, seconds, artifact)


@pytest.mark.parametrize("state", ["skipped", "upstream_failed", "running"])
def test_what_did_not_run_is_no_measurement(state: str) -> None:
    found = profile(document(instance("work", state=state), instance("work", run="r2", minutes=4)))
    assert found == Profile(seconds=240.0, success_rate=1.0, instances=1.0)


def test_an_instance_that_was_removed_was_no_part_of_the_run() -> None:
    mapped = [instance("work", map_index=number, minutes=number + 1) for number in range(3)]
    mapped[2]["state"] = "removed"
    assert set(steps(document(*mapped))) == {"train/work(0)", "train/work(1)"}
    assert profile(document(*mapped)) == Profile(seconds=90.0, success_rate=1.0, instances=2.0)


def test_all_instances_of_a_mapped_task_are_of_one_call() -> None:
    mapped = [instance("work", map_index=number, minutes=number) for number in (1, 2, 9)]
    again = [instance("work", run="r2", map_index=number, minutes=2) for number in range(5)]
    assert profile(document(*mapped, *again)) == Profile(seconds=120.0, success_rate=1.0, instances=4.0)


def test_a_hit_is_not_taken_for_what_the_task_costs() -> None:
    said = [{"dag_id": "train", "dag_run_id": "r2", "task_id": "work", "hit": True, "key": "k" * 64}]
    loaded = instance("work", run="r2", minutes=0.01, end="2026-01-01T00:20:00Z")
    both = document(instance("work", minutes=10), loaded, cached=said)
    assert profile(both) == Profile(seconds=600.0, success_rate=1.0, instances=1.0)
    _, hit = (run.steps[0] for run in runs(both))
    assert (hit.fate, hit.seconds, hit.key) == ("loaded", None, "k" * 64)
    said[0]["hit"] = False
    missed = [run.steps[0] for run in runs(both)][1]
    assert (missed.fate, missed.key) == ("computed", "k" * 64)


def test_a_hit_counts_for_its_own_instance_and_run_only() -> None:
    said = [{"dag_id": "train", "dag_run_id": "r1", "task_id": "work", "map_index": 1, "hit": True}]
    found = steps(document(*(instance("work", map_index=number) for number in (0, 1)), cached=said))
    assert [found[f"train/work({number})"].fate for number in (0, 1)] == ["computed", "loaded"]


def test_tries_that_failed_count_and_one_that_was_cleared_after_success_does_not() -> None:
    last = instance("work", try_number=4, minutes=2)
    states = ("failed", "success", "failed")
    tries = [instance("work", try_number=number + 1, state=state) for number, state in enumerate(states)]
    tries.append(last)
    ran = steps(document(last, tries=tries))["train/work"]
    assert (ran.attempts, ran.seconds, ran.fate) == (3, 120.0, "computed")
    found = profile(document(last, tries=tries))
    assert found is not None
    assert found.success_rate == pytest.approx(1 / 3)


def test_where_tries_are_not_told_all_of_them_count() -> None:
    assert steps(document(instance("work", try_number=3)))["train/work"].attempts == 3
    assert steps(document(instance("work", try_number=0, state="skipped")))["train/work"].attempts == 1
    found = profile(document(instance("work", try_number=2, state="failed"), instance("work", run="r2")))
    assert found is not None
    assert found.success_rate == pytest.approx(1 / 3)


@pytest.mark.parametrize("operator", ["EmptyOperator", "FileSensor", "DecoratedSensorOperator", "ApprovalOperator"])
def test_waiting_takes_no_time_of_its_own(operator: str) -> None:
    ran = steps(document(instance("work", operator=operator)))["train/work"]
    assert (ran.seconds, ran.artifact) == (0.0, False)


def test_a_time_is_that_of_the_try_and_unknown_where_it_is_not_said() -> None:
    found = steps(
        document(
            instance("told", duration=7.5),
            instance("reckoned", duration=None),
            instance("marked", duration=None, start_date=None),
            instance("negative", duration=-0.5),
            instance("backwards", duration=None, start="2026-01-02T00:00:00Z"),
        )
    )
    taken = {name.partition("/")[2]: ran.seconds for name, ran in found.items()}
    assert taken == {"told": 7.5, "reckoned": 60.0, "marked": None, "negative": None, "backwards": None}


def test_clocks_that_disagree_do_not_turn_the_order_around() -> None:
    edges = {"a": ["b"], "b": ["c"], "c": []}
    given = [instance(name, minutes=minutes) for name, minutes in (("a", 9), ("b", 5), ("c", 7))]
    (run,) = runs(document(*given, edges=edges))
    assert [(ran.step, ran.parents) for ran in run.steps] == [
        ("train/a", ()),
        ("train/b", (0,)),
        ("train/c", (1,)),
    ]


def test_what_has_no_instance_is_looked_through_and_what_the_dag_has_not_any_more_is_alone() -> None:
    edges = {"a": ["gone"], "gone": ["b"], "b": []}
    given = [instance("a"), instance("gone", state="removed"), instance("b", minutes=2), instance("old", minutes=3)]
    (run,) = runs(document(*given, edges=edges))
    assert [(ran.step, ran.parents) for ran in run.steps] == [("train/a", ()), ("train/b", (0,)), ("train/old", ())]


def test_wide_tasks_one_after_the_other_have_a_step_between_them() -> None:
    wide = 150
    first = [instance("a", map_index=number) for number in range(wide)]
    second = [instance("b", map_index=number, minutes=2) for number in range(wide)]
    (run,) = runs(document(*first, *second, edges={"a": ["b"], "b": []}))
    assert len(run.steps) == 2 * wide + 1
    assert sum(len(ran.parents) for ran in run.steps) == 2 * wide
    between = run.steps[wide]
    assert (between.step, between.artifact, between.seconds) == ("train/a[all]", False, 0.0)
    assert {ran.parents for ran in run.steps[wide + 1 :]} == {(wide,)}


def test_a_run_that_failed_is_not_whole() -> None:
    told = [{"dag_id": "train", "dag_run_id": "r1", "state": "failed", "end_date": "2026-01-01T01:00:00+00:00"}]
    (run,) = runs(document(instance("work"), dag_runs=told))
    assert (run.whole, run.at) == (False, 1767229200.0)
    told[0]["state"] = "success"
    assert runs(document(instance("work", state="failed"), dag_runs=told))[0].whole
    assert not runs(document(instance("work", state="failed")))[0].whole


def test_runs_of_several_dags_are_told_apart() -> None:
    found = runs(document(instance("work"), instance("work", dag_id="other"), instance("work", run="r2", minutes=2)))
    assert [(run.family, len(run.steps)) for run in found] == [("other", 1), ("train", 1), ("train", 1)]


def test_an_edit_before_a_task_changes_its_key() -> None:
    def keys(operator: str) -> list[str]:
        given = [instance("a", operator=operator), instance("b", minutes=2), instance("c")]
        return [ran.key for _, ran in sorted(steps(document(*given, edges={"a": ["b"], "b": [], "c": []})).items())]

    one, other = keys("BashOperator"), keys("PythonOperator")
    assert [a == b for a, b in zip(one, other, strict=True)] == [False, False, True]


@pytest.mark.parametrize(
    "broken",
    [
        {"task_id": ""},
        {"task_id": 3},
        {"dag_id": None},
        {"map_index": -2},
        {"map_index": "1"},
        {"duration": -1e13},
        {"duration": "long"},
        {"duration": float("inf")},
        {"duration": float("nan")},
        {"end_date": "yesterday"},
        {"end_date": "2026-01-01T00:00:00"},
        {"try_number": 10**30},
        {"state": 3},
    ],
)
def test_what_airflow_never_wrote_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="not a history of Airflow"):
        document_of(document(instance("work", **broken)))


@pytest.mark.parametrize("data", [{"task_instances": 3}, {"tries": {}}, {"tasks": [3]}, {"cached": [{"dag_id": "a"}]}])
def test_a_document_that_is_none_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="not a history of Airflow"):
        runs({"schema": SCHEMA, **data})


def test_tasks_in_a_circle_are_refused() -> None:
    with pytest.raises(InvalidInput, match="in a circle"):
        runs(document(instance("a"), edges={"a": ["b"], "b": ["a"]}))


def test_another_version_is_refused_and_other_documents_are_nobodys() -> None:
    with pytest.raises(InvalidInput, match=r"couler\.airflow-runs/v9"):
        runs({"schema": "couler.airflow-runs/v9"})
    others: list[Any] = [{"task_instances": []}, {"schema": "couler.edits/v1"}, {"schema": 3}, [1], {"kind": "Pod"}]
    for data in others:
        assert runs(data) == []


def test_errors_quote_no_value() -> None:
    with pytest.raises(InvalidInput) as caught:
        runs(document(instance("work", duration="a secret")))
    assert "secret" not in str(caught.value)


def said(**fields: Any) -> list[dict[str, Any]]:
    return [{"dag_id": "train", "dag_run_id": "r1", "task_id": "work", **fields}]


@pytest.mark.parametrize(
    ("fields", "lookup"),
    [
        ({"hit": True, "key": "k", "saved_seconds": 9.5}, Lookup(hit=True, key="k", worth=9.5)),
        ({"hit": True}, Lookup(hit=True)),
        ({"hit": False, "key": "k"}, Lookup(hit=False, key="k")),
        ({"key": "k"}, Lookup(hit=False, key="k")),  # as documents of before say it
        ({"hit": None, "key": "k"}, None),
        ({}, None),
    ],
)
def test_what_the_cache_answered_is_what_the_task_said(fields: dict[str, Any], lookup: Lookup | None) -> None:
    (run,) = runs(document(instance("work", minutes=2), cached=said(**fields)))
    known = {"began": 1767225600.0, "seconds": 120.0}
    assert run.steps[0].lookup == (lookup and msgspec.structs.replace(lookup, **known))
    assert run.name == "r1"


def test_a_task_that_said_nothing_was_not_looked_up() -> None:
    assert steps(document(instance("work")))["train/work"].lookup is None


@pytest.mark.parametrize(
    ("edges", "after", "tolerated"),
    [
        ({"a": []}, {}, False),
        ({"a": ["b"]}, {"b": "success"}, True),  # b runs whatever became of a
        ({"a": ["b"]}, {"b": "failed"}, True),  # b is to blame
        ({"a": ["b"]}, {"b": "skipped"}, True),
        ({"a": ["b"]}, {"b": "upstream_failed"}, False),
        ({"a": ["b"], "b": ["c"]}, {"b": "upstream_failed", "c": "success"}, True),
        ({"a": ["b"], "b": ["c"]}, {"b": "upstream_failed", "c": "upstream_failed"}, False),
        ({"a": ["b", "c"]}, {"b": "success", "c": "upstream_failed"}, False),
        ({}, {"b": "success"}, False),  # nobody knows the tasks
    ],
)
def test_the_last_tasks_of_a_dag_decide(edges: dict[str, list[str]], after: dict[str, str], tolerated: bool) -> None:
    others = [instance(name, state=state) for name, state in after.items()]
    names: dict[str, list[str]] = {name: [] for name in ("a", *after)}
    relations = {**names, **edges} if edges else {}
    found = steps(document(instance("a", state="failed"), *others, edges=relations))
    assert found["train/a"].tolerated is tolerated
    assert not any(ran.tolerated for ran in found.values() if ran.fate != "failed")


@pytest.mark.parametrize(("own", "tidy", "tolerated"), [("failed", "success", ()), ("failed", "failed", ("tidy",))])
def test_what_tears_down_makes_good_for_nothing_and_fails_no_run(own: str, tidy: str, tolerated: tuple[str]) -> None:
    data = document(instance("a", state=own), instance("tidy", state=tidy), edges={"a": ["tidy"], "tidy": []})
    (teardown,) = (task for task in data["tasks"] if task["task_id"] == "tidy")
    teardown["trigger_rule"] = "all_done_setup_success"
    found = steps(data)
    assert [name for name, ran in found.items() if ran.tolerated] == [f"train/{name}" for name in tolerated]
