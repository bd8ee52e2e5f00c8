"""What the status of a run says of its tasks."""

from __future__ import annotations

from typing import Any

import pytest

from couler_tekton.run.status import outcome_of, step_of, steps_of


def run(status: str, reason: str, message: str = "") -> dict[str, Any]:
    condition = {"type": "Succeeded", "status": status, "reason": reason, "message": message}
    return {"status": {"conditions": [condition]}}


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        (None, "None"),
        ({}, "None"),
        (run("Unknown", "Running"), "None"),
        (run("True", "Succeeded", "Tasks Completed: 2 (Failed: 0, Cancelled 0), Skipped: 0"), "Succeeded"),
        (run("True", "Completed", "Tasks Completed: 1 (Failed: 0, Cancelled 0), Skipped: 1"), "Completed"),
        (run("False", "Failed", "Tasks Completed: 1 (Failed: 1, Cancelled 0), Skipped: 1"), "Failed"),
        (run("False", "Cancelled"), "Failed"),
        (run("True", "Succeeded", "Tasks Completed: 2 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0"), "Failed"),
        (run("True", "Completed", "Tasks Completed: 2 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 1"), "Failed"),
    ],
)
def test_how_a_part_ended_is_what_its_tasks_tell_together(found: dict[str, Any] | None, outcome: str) -> None:
    assert outcome_of(found) == outcome


def task_run(name: str, task: str, status: str, reason: str, *containers: str, **more: Any) -> dict[str, Any]:
    condition = {"type": "Succeeded", "status": status, "reason": reason, "message": "token=abc"}
    steps = [{"container": container, "terminated": {"exitCode": 0}} for container in containers]
    labels = {"tekton.dev/pipelineTask": task} if task else {}
    return {
        "metadata": {"name": name, "namespace": "ml", "labels": labels, "creationTimestamp": "2026-12-02T10:00:00Z"},
        "status": {"podName": f"{name}-pod", "conditions": [condition], "steps": steps, **more},
    }


def test_tasks_stand_where_their_runs_do_and_a_matrix_has_one_step_for_each() -> None:
    runs = [
        *(task_run(f"p-fit-{number}", "fit", "Unknown", "Running", "step-s") for number in (10, 9)),
        task_run("p-load", "load", "True", "Succeeded", "step-a", "step-b"),
        task_run("p-wait", "wait", "Unknown", "Pending"),
        task_run("p-bad", "bad", "False", "Failed", "step-s"),
    ]
    whole = run("Unknown", "Running")
    whole["status"]["skippedTasks"] = [{"name": "never", "reason": "When Expressions evaluated to false"}]
    steps = steps_of(whole, runs)
    assert {step.status.step: (step.status.node, step.status.phase, step.status.has_log) for step in steps} == {
        "bad": ("bad", "failed", True),
        "load": ("load", "succeeded", True),
        "wait": ("wait", "pending", False),
        "fit(0)": ("fit", "running", True),
        "fit(1)": ("fit", "running", True),
        "never": ("never", "skipped", False),
    }
    by_name = {step.status.step: step for step in steps}
    assert [place.pod for name in ("fit(0)", "fit(1)") for place in by_name[name].containers] == [
        "p-fit-9-pod",
        "p-fit-10-pod",
    ]
    assert [place.name for place in by_name["load"].containers] == ["step-a", "step-b"]
    assert (by_name["bad"].status.message, by_name["load"].status.message) == ("token=***", "")
    assert by_name["never"].status.message == "When Expressions evaluated to false"


def test_a_run_of_a_task_is_its_only_step() -> None:
    step = step_of(task_run("t", "", "True", "Succeeded", "step-s"), "run", "run")
    assert (step.status.step, step.status.node, step.status.phase) == ("run", "run", "succeeded")
