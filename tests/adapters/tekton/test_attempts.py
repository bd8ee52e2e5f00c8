"""Attempts that TaskRuns tell of: their pods, why they failed, and what their steps asked for."""

from __future__ import annotations

from typing import Any

import pytest

from couler_plugins.ir import Container, Operation
from couler_plugins.runs import Attempt
from couler_tekton.attempts import attempts_of
from couler_tekton.pod_sizes import pod_containers

Data = dict[str, Any]
TIMES = {"startTime": "2026-01-01T00:01:00Z", "completionTime": "2026-01-01T00:04:00Z"}
MIB = 2**20


def status(reason: str = "Succeeded", *steps: Data, state: str = "", **more: Any) -> Data:
    state = state or ("True" if reason == "Succeeded" else "False")
    said = {"message": f"all that {reason} says"} if state == "False" else {}
    conditions = [{"type": "Succeeded", "status": state, "reason": reason, **said}]
    return {**TIMES, "podName": "p", "conditions": conditions, "steps": list(steps), **more}


def ended(code: int, reason: str) -> Data:
    return {"name": "s", "terminated": {"exitCode": code, "reason": reason}}


def tries(status: Data, **spec: Any) -> tuple[Attempt, ...]:
    return attempts_of({"metadata": {"name": "r", "namespace": "ml"}, "spec": spec, "status": status})


def asked(task: Data, **spec: Any) -> dict[str, tuple[float | None, int | None, float | None, int | None]]:
    (attempt,) = tries(status(taskSpec=task), **spec)
    return {
        item.container: (item.cpu_request, item.memory_request, item.cpu_limit, item.memory_limit)
        for item in attempt.containers
    }


def test_an_attempt_is_a_pod() -> None:
    assert tries(status("Succeeded", ended(0, "Completed"))) == (
        Attempt(start=1767225660.0, end=1767225840.0, succeeded=True, exit_code=0, pod="p", namespace="ml"),
    )


def test_each_retry_is_one_before_the_last() -> None:
    before = status("Failed", ended(137, "OOMKilled"), podName="p-0")
    found = tries(status("Succeeded", ended(0, "Completed"), podName="p-1", retriesStatus=[before]))
    assert [(one.pod, one.succeeded, one.reason, one.message) for one in found] == [
        ("p-0", False, "OOMKilled", "all that Failed says"),
        ("p-1", True, "", ""),
    ]


@pytest.mark.parametrize(
    ("said", "steps", "reason", "code"),
    [
        ("Failed", [(0, "Completed"), (2, "Error"), (1, "Error")], "Error", 2),
        ("StepOOM", [(137, "OOMKilled")], "OOMKilled", 137),
        ("Failed", [(0, "OOMKilled")], "OOMKilled", 0),
        ("StepFailed", [(1, "Error")], "Error", 1),
        ("PodEvicted", [(137, "Error")], "Evicted", 137),
        ("TaskRunTimeout", [(1, "TaskRunTimeout")], "TaskRunTimeout", 1),
        ("TaskRunImagePullFailed", [], "TaskRunImagePullFailed", None),
        ("Failed", [], "Failed", None),
    ],
)
def test_why_an_attempt_failed(said: str, steps: list[tuple[int, str]], reason: str, code: int | None) -> None:
    (attempt,) = tries(status(said, *(ended(*step) for step in steps)))
    assert (attempt.succeeded, attempt.reason, attempt.exit_code) == (False, reason, code)


def test_what_goes_on_has_neither_an_end_nor_a_reason() -> None:
    (attempt,) = tries(status("Running", {"name": "s", "running": {}}, state="Unknown", completionTime=None))
    assert (attempt.succeeded, attempt.reason, attempt.exit_code, attempt.end) == (None, "", None, None)


def resources(**kinds: Data) -> Data:
    return {"computeResources": kinds}


def test_a_step_asks_for_what_the_last_word_on_each_resource_says() -> None:
    task = {
        "stepTemplate": resources(requests={"cpu": "1", "memory": "64Mi"}),
        "steps": [
            {"name": "a", **resources(requests={"memory": "128Mi"}, limits={"cpu": "2"})},
            {"image": "i"},
            {"name": "c", **resources(requests={"memory": "$(params.memory)"})},
        ],
        "sidecars": [{"name": "db", **resources(limits={"memory": "32Mi"})}],
    }
    overrides = [{"name": "a", **resources(limits={"cpu": "4"})}]
    assert asked(task, stepSpecs=overrides) == {
        "step-a": (1.0, 128 * MIB, 4.0, None),
        "step-unnamed-1": (1.0, 64 * MIB, None, None),
        "step-c": (1.0, None, None, None),
        "sidecar-db": (None, 32 * MIB, None, 32 * MIB),
    }


def test_a_run_that_says_what_all_steps_share_gives_each_a_part_of_it() -> None:
    own = resources(requests={"cpu": "7"})
    task = {"steps": [{"name": "a", **own}, {"name": "b"}]}
    whole = {"requests": {"cpu": "1", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}
    each = (0.5, 32 * MIB, None, 128 * MIB)
    assert asked(task, computeResources=whole) == {"step-a": each, "step-b": each}
    limits = {"limits": {"memory": "128Mi"}}
    # One that asked for something by itself does not any more, and Kubernetes takes its limit for that.
    assert asked(task, computeResources=limits) == {
        "step-a": (None, 128 * MIB, None, 128 * MIB),
        "step-b": (None, 64 * MIB, None, 128 * MIB),
    }


def test_names_are_cut_as_tekton_does() -> None:
    containers = (
        Container(name="x" * 57 + "-y"),
        Container(role="sidecar", name="db"),
        Container(),
    )
    operation = Operation(name="o", kind="container", containers=containers)
    assert pod_containers(operation) == (f"step-{'x' * 57}", "sidecar-db", "step-unnamed-1")
