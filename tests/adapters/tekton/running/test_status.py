"""What the status of a run says of its tasks."""

from __future__ import annotations

from typing import Any

import pytest

from couler_tekton.run.status import outcome_of


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
