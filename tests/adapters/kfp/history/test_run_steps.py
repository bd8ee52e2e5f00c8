"""Where each task of a run stands, as `couler studio` shows it."""

from __future__ import annotations

from typing import Any

import pytest

from couler_kfp.run.steps import steps_of
from kfp_history import node, task


def told(*entries: Any) -> dict[str, tuple[str, str]]:
    flat = [one for entry in entries for one in (entry if isinstance(entry, list) else [entry])]
    return {step.step: (step.node, step.phase) for step in steps_of(flat, None)}


@pytest.mark.parametrize(
    ("state", "phase"),
    [("SUCCEEDED", "succeeded"), ("FAILED", "failed"), ("SKIPPED", "skipped"), ("RUNNING", "running")],
)
def test_a_task_stands_where_its_node_does(state: str, phase: str) -> None:
    around = [node("root", 3, 500), node("root-driver", 0, 3)]
    assert told(*around, task("load", 20, 80, state)) == {"load": ("load", phase)}


def test_fields_that_the_client_leaves_empty_do_not_count() -> None:
    entries = [{**one, "error": None, "parent_task_id": None} for one in _flat(task("load", 20, 80, "PENDING"))]
    assert told(*entries) == {"load": ("load", "pending")}
    assert told({"display_name": 7}) == {}


def test_an_error_is_told_without_what_is_secret_in_it() -> None:
    root = {"task_id": "root", "name": "root", "type": "ROOT"}
    error = {"code": 9, "message": "exit code 3: password=hunter2"}
    failed = {"task_id": "t", "name": "fit", "parent_task_id": "root", "type": "RUNTIME", "status": "FAILED"}
    (step,) = steps_of([root, {**failed, "error": error}], None)
    assert (step.phase, step.message) == ("failed", "exit code 3: password=***")


def _flat(entry: Any) -> list[Any]:
    return entry if isinstance(entry, list) else [entry]
