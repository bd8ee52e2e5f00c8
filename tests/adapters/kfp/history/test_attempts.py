"""Attempts that KFP tells of: the pods of executors, which are those of no driver, and what they asked for."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from couler_kfp.plugin import couler_runs
from couler_plugins.documents import read
from couler_plugins.runs import Attempt, ContainerUse, Run, StepRun
from kfp_history import PIPELINE, node, run, task

START = 1767225600.0


def ran(*entries: Any, **more: Any) -> Run:
    (document,) = read(json.dumps(run(*entries, **more)), "runs.json").documents
    (found,) = couler_runs(document)
    return found


def step(*entries: Any, name: str = "load", **more: Any) -> StepRun:
    return next(item for item in ran(*entries, **more).steps if item.step.rpartition("/")[2] == name)


def linked(name: str, number: int, state: str, *attempts: tuple[float, float]) -> list[dict[str, Any]]:
    """The nodes of a task as KFP 2.17 names their pods: the template is in there, and not in the ids of children."""
    nodes = task(name, 20, 100, state, *attempts)
    for place, item in enumerate(nodes):
        item["pod_name"] = f"p-system-{place}-{number}{place}"
    nodes[1]["child_tasks"] = [{"pod_name": f"p-{number}2"}]
    nodes[2]["child_tasks"] = [{"pod_name": f"p-{number}{place}"} for place in range(3, len(nodes))]
    return nodes


def test_an_attempt_is_the_pod_of_the_executor() -> None:
    assert step(linked("load", 1, "SUCCEEDED"), linked("fit", 2, "SUCCEEDED")).tries == (
        Attempt(start=START + 20, end=START + 100, succeeded=True, pod="p-system-2-12"),
    )


def test_each_attempt_of_a_retried_task_is_one() -> None:
    found = step(linked("load", 1, "SUCCEEDED", (20, 50), (60, 100)), linked("fit", 2, "FAILED", (20, 50), (60, 100)))
    assert [(one.pod, one.succeeded, one.seconds) for one in found.tries] == [
        ("p-system-3-13", False, 30.0),
        ("p-system-4-14", True, 40.0),
    ]


def test_a_pod_that_may_be_that_of_another_task_is_not_known() -> None:
    entries = [task("load", 20, 100), task("fit", 10, 110)]
    for item in (item for entry in entries for item in entry):
        item["pod_name"] = item["task_id"]
    assert [one.pod for one in step(*entries).tries] == [""]
    assert [one.pod for one in step(entries[0]).tries] == ["executor-20"]


@pytest.mark.parametrize("state", ["SKIPPED", "RUNNING", "CANCELED"])
def test_what_did_not_run_to_an_end_has_no_attempt(state: str) -> None:
    assert step(task("load", 20, 100, state)).tries == ()


def test_what_was_loaded_has_no_attempt() -> None:
    cached = [node("load-driver", 10, 20), node("load", 20, 20), node("executor", 20, 20, "SKIPPED")]
    assert step(cached).tries == ()


def test_a_backend_that_tells_of_pods_says_which_executes() -> None:
    pods = [{"name": "d", "type": "DRIVER"}, {"name": "e-0", "type": "EXECUTOR"}, {"name": "e-1", "type": "EXECUTOR"}]
    root = {"task_id": "root", "name": "root", "type": "ROOT"}
    entry = node("load", 20, 80, parent_task_id="root", type="RUNTIME", pods=pods)
    assert [one.pod for one in step(root, entry).tries] == ["e-1"]


def test_requests_are_those_of_the_pipeline_that_ran() -> None:
    spec = copy.deepcopy(PIPELINE)
    resources = {"resourceCpuLimit": "2", "resourceMemoryRequest": "{{$.inputs.parameters['m']}}", "cpuLimit": 2.0}
    spec["deploymentSpec"]["executors"]["exec-load"]["container"]["resources"] = resources
    found = step(task("load", 20, 80), pipeline_spec=spec)
    assert found.tries[0].containers == (ContainerUse(container="main", cpu_request=2.0, cpu_limit=2.0),)
    assert step(task("load", 20, 80)).tries[0].containers == ()


def test_a_run_has_the_version_of_its_pipeline() -> None:
    changed = json.loads(json.dumps(PIPELINE).replace('"image": "fit"', '"image": "fit:2"'))
    runs = [ran(task("load", 20, 80), pipeline_spec=spec) for spec in (PIPELINE, changed)]
    assert runs[0].version
    assert runs[0].version != runs[1].version
    assert (runs[0].engine, runs[0].uid, ran(task("load", 20, 80)).version) == ("kfp", "r", "")


def test_a_task_whose_name_is_in_several_dags_is_of_none_of_their_components() -> None:
    spec = copy.deepcopy(PIPELINE)
    spec["components"]["comp-for-loop-1"]["dag"]["tasks"]["load"] = {"componentRef": {"name": "comp-fit"}}
    found = step(task("load", 20, 80), pipeline_spec=spec)
    assert (found.type, found.tries[0].containers) == ("load", ())


ERROR = {"code": 9, "message": "main: OOMKilled (exit code 137), token=abc"}


@pytest.mark.parametrize(
    ("more", "code", "reason", "message"),
    [
        ({"error": ERROR}, 137, "OOMKilled", "FAILED_PRECONDITION: main: OOMKilled (exit code 137), token=***"),
        (
            {"state_history": [{"error": ERROR}, {"state": "FAILED", "error": {"message": "it is gone"}}]},
            None,
            "",
            "it is gone",
        ),
        (
            {"error": {"code": 99, "message": "exited with a non-zero status of 3."}},
            3,
            "",
            "99: exited with a non-zero status of 3.",
        ),
        ({"error": {}}, None, "", ""),
        ({}, None, "", ""),
    ],
)
def test_a_failure_has_the_error_of_its_task(more: dict[str, Any], code: int | None, reason: str, message: str) -> None:
    nodes = linked("load", 1, "FAILED", (20, 50), (60, 100))
    nodes[1] |= more
    first, last = step(nodes, state="FAILED").tries
    assert (last.exit_code, last.reason, last.message) == (code, reason, message)
    assert (first.exit_code, first.reason, first.message) == (None, "", "")


def test_what_a_task_that_succeeded_has_been_through_is_no_failure() -> None:
    nodes = linked("load", 1, "SUCCEEDED")
    nodes[1] |= {"state_history": [{"state": "RUNNING", "error": ERROR}]}
    assert [(one.succeeded, one.message) for one in step(nodes).tries] == [(True, "")]
