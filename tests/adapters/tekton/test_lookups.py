"""What the status of a TaskRun says of look-ups in a cache: the results of the step that our wrapper puts first."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.tekton.test_runs import pipeline_run, runs_of, task_run
from couler_plugins.caching.report import report
from couler_plugins.runs import Lookup, StepRun

KEY = "e" * 64
STEPS = [{"name": "couler-restore", "image": "couler"}, {"name": "train", "image": "i"}, {"name": "couler-save"}]


def states(hit: str | None, key: str = KEY) -> dict[str, Any]:
    """A status as Tekton writes it: on a hit the other steps are skipped, which they say in a state of their own."""
    done = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    said = [{"name": "hit", "type": "string", "value": hit}, {"name": "key", "type": "string", "value": key}]
    first = {"name": "couler-restore", "container": "step-couler-restore", **done}
    other = {"name": "train", "container": "step-train", **done}
    if hit == "true":
        other["terminationReason"] = "Skipped"
    return {
        "taskSpec": {"steps": STEPS},
        "steps": [{**first, **({"results": said} if hit is not None else {})}, other],
        "results": [{"name": "auc", "type": "string", "value": "0.9"}],
    }


def step(**status: Any) -> StepRun:
    (run,) = runs_of(task_run("train-1", "train", 0, 30, **status), pipeline_run("train-1", [{"name": "train"}]))
    assert run.name == "train-1"
    (found,) = run.steps
    return found


def test_a_hit_is_loaded_and_what_it_took_is_no_time_of_computing() -> None:
    found = step(**states("true"))
    assert (found.fate, found.seconds, found.key) == ("loaded", None, KEY)
    assert found.lookup == Lookup(hit=True, key=KEY, began=1767225600.0, seconds=30.0)
    assert found.bytes == step(**states("false")).bytes


def test_a_miss_was_computed() -> None:
    found = step(**states("false"))
    assert (found.fate, found.seconds, found.key) == ("computed", 30.0, KEY)
    assert found.lookup == Lookup(hit=False, key=KEY, began=1767225600.0, seconds=30.0)


@pytest.mark.parametrize("status", [states(None), {"taskSpec": {"steps": STEPS}}, states("perhaps", "")])
def test_a_step_that_failed_has_answered_nothing(status: dict[str, Any]) -> None:
    found = step(**status)
    assert found.lookup is not None
    assert (found.fate, found.lookup.hit, found.lookup.key) == ("computed", None, "")


def test_a_task_without_our_steps_was_not_looked_up() -> None:
    assert step().lookup is None
    assert step(steps=[{"name": "train", "results": [{"name": "hit", "value": "true"}]}]).lookup is None


def test_hits_are_counted_over_runs() -> None:
    found = runs_of(
        task_run("train-1", "train", 0, 600, **states("false")),
        pipeline_run("train-1", [{"name": "train"}]),
        task_run("train-2", "train", 0, 12, **states("true")),
        pipeline_run("train-2", [{"name": "train"}]),
    )
    (row,) = report(found).steps
    assert (row.workflow, row.step, row.runs, row.hits) == ("train", "pipeline/train", 2, 1)
    assert (row.seconds_saved, row.seconds_spent) == (600.0, 12.0)
