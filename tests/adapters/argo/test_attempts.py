"""Attempts that the nodes of a status tell of: where each ran, how it ended, and what its containers asked for."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.argo.statuses import Nodes, node, steps, workflow
from couler_argo.history import run_of
from couler_plugins.runs import Attempt, ContainerUse, StepRun

START, END = 1767225660.0, 1767225840.0


def one(**of: Any) -> Attempt:
    """The attempt of a step of the template `work`."""
    (attempt,) = steps({"a": node("Pod", "a", **of)})["main/a"].tries
    return attempt


def placed(nodes: Nodes, *, template: dict[str, Any] | None = None, **more: Any) -> list[StepRun]:
    document = workflow(nodes)
    document["metadata"] |= {"namespace": "ml", "uid": "u1"}
    if template is not None:
        document["spec"] = {"templates": [document["spec"]["templates"][0], {"name": "work", **template}]}
    document["spec"] = {**document["spec"], **more}
    found = run_of(document)
    assert found is not None
    return list(found.steps)


def containers(template: dict[str, Any], **more: Any) -> tuple[ContainerUse, ...]:
    (ran,) = placed({"a": node("Pod", "a")}, template=template, **more)
    return ran.tries[0].containers


def test_an_attempt_is_a_pod_on_a_node() -> None:
    (ran,) = placed({"wf-abc-7": node("Pod", "a", hostNodeName="n1", outputs={"exitCode": "0"})})
    assert ran.tries == (
        Attempt(
            start=START,
            end=END,
            succeeded=True,
            exit_code=0,
            pod="wf-abc-work-7",
            namespace="ml",
            node="n1",
            containers=(ContainerUse(container="main"),),
        ),
    )


def test_each_attempt_of_a_retried_step_is_one() -> None:
    nodes = {
        "a": node("Retry", "a", "a-0", "a-1"),
        "a-0": node("Pod", "a(0)", phase="Failed", message="OOMKilled (exit code 137)"),
        "a-1": node("Pod", "a(1)", startedAt="2026-01-01T00:03:30Z"),
    }
    (ran,) = placed(nodes)
    assert [(attempt.pod, attempt.succeeded, attempt.reason, attempt.exit_code) for attempt in ran.tries] == [
        ("wf-abc-work-0", False, "OOMKilled", 137),
        ("wf-abc-work-1", True, "", None),
    ]
    assert [attempt.seconds for attempt in ran.tries] == [180.0, 30.0]


def test_the_first_version_of_names_is_the_id_of_the_node() -> None:
    document = workflow({"wf-abc-7": node("Pod", "a")})
    document["metadata"]["annotations"] = {"workflows.argoproj.io/pod-name-format": "v1"}
    found = run_of(document)
    assert found is not None
    assert found.steps[0].tries[0].pod == "wf-abc-7"


@pytest.mark.parametrize(
    ("message", "reason", "code"),
    [
        ("main: OOMKilled (exit code 137)", "OOMKilled", 137),
        ("Error (exit code 2)", "Error", 2),
        ("main: Error (exit code 1): no such file", "Error", 1),
        ("wait: Error (exit code 64): failed to save outputs", "Error", None),
        ("The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi.", "Evicted", None),
        ("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.", "Evicted", None),
        ("Pod was active on the node longer than the specified deadline", "DeadlineExceeded", None),
        ("Step exceeded its deadline", "DeadlineExceeded", None),
        ("Pod failed before main container starts due to ErrImagePull: not found", "ErrImagePull", None),
        ("pod deleted", "Deleted", None),
        ("workflow shutdown with strategy:  Terminate", "Stopped", None),
        ("Stopped with strategy 'Stop'", "Stopped", None),
        ("Pod was terminated in response to imminent node shutdown.", "Terminated", None),
        ("Pod was rejected as the node is shutting down.", "NodeShutdown", None),
        ("Preempted in order to admit critical pod", "Preempting", None),
        ("Node n1 which was running pod p is unresponsive", "NodeLost", None),
        ('Container main exceeded its local ephemeral storage limit "1Gi". ', "Evicted", None),
        ("timeout", "DeadlineExceeded", None),
        ("timeout of the database", "", None),
        ("a sentence of tomorrow", "", None),
        (None, "", None),
    ],
)
def test_a_failure_has_the_word_of_the_controller(message: str | None, reason: str, code: int | None) -> None:
    attempt = one(phase="Failed", message=message)
    assert (attempt.succeeded, attempt.reason, attempt.exit_code) == (False, reason, code)


def test_a_failure_has_what_the_controller_says_and_nothing_secret() -> None:
    attempt = one(phase="Failed", message="main: Error (exit code 1):\n  password=hunter2 is wrong" + "." * 3000)
    assert attempt.message.startswith("main: Error (exit code 1): password=*** is wrong...")
    assert len(attempt.message) == 2000
    assert one(phase="Succeeded", message="it took a while").message == ""


def test_the_exit_code_of_the_status_counts_more_than_that_of_the_message() -> None:
    assert one(phase="Error", message="wait: Error (exit code 64)", outputs={"exitCode": "0"}).exit_code == 0


@pytest.mark.parametrize(
    ("of", "number"),
    [
        ({"phase": "Skipped"}, 0),
        ({"phase": "Omitted"}, 0),
        ({"memoizationStatus": {"hit": True, "key": "k"}}, 0),
        ({"phase": "Running", "finishedAt": None}, 1),
        ({"type": "Suspend"}, 0),
        ({"type": "HTTP"}, 1),
    ],
)
def test_what_ran_nothing_has_no_attempt(of: dict[str, Any], number: int) -> None:
    tries = steps({"a": node("Pod", "a", **of)})["main/a"].tries
    assert len(tries) == number
    if of.get("type") == "HTTP":  # the agent's pod runs those of all steps
        assert tries[0].pod == ""


def test_a_limit_is_a_request_and_what_the_run_fills_in_is_not_known() -> None:
    resources = {"requests": {"cpu": "{{inputs.parameters.cpu}}"}, "limits": {"cpu": 2, "memory": "1Gi"}}
    assert containers({"container": {"image": "i", "resources": resources}}) == (
        ContainerUse(container="main", cpu_limit=2.0, memory_request=2**30, memory_limit=2**30),
    )


def test_containers_beside_the_main_one_and_those_of_a_set() -> None:
    small = {"requests": {"memory": "64Mi"}}
    several = {"containers": [{"name": "a", "resources": small}, {"name": "b"}]}
    template = {"containerSet": several, "initContainers": [{"name": "copy"}], "sidecars": [{"name": "proxy"}]}
    found = containers(template)
    assert [item.container for item in found] == ["a", "b", "copy", "proxy"]
    assert found[0].memory_request == 64 * 2**20


@pytest.mark.parametrize(
    ("template", "spec"),
    [
        ({"podSpecPatch": "{{inputs.parameters.patch}}"}, {}),
        ({}, {"podSpecPatch": "containers: []"}),
        ({}, {"templateDefaults": {"container": {"resources": {}}}}),
    ],
)
def test_nothing_is_known_of_requests_that_may_be_changed_elsewhere(
    template: dict[str, Any], spec: dict[str, Any]
) -> None:
    work = {"container": {"image": "i", "resources": {"requests": {"cpu": "1"}}}}
    assert containers({**work, **template}, **spec) == (ContainerUse(container="main"),)
    assert containers(work, templateDefaults={"container": {"image": "x"}})[0].cpu_request == 1.0


def test_a_version_is_the_same_whatever_a_run_was_given() -> None:
    def version(**spec: Any) -> str:
        document = workflow({"a": node("Pod", "a")})
        found = run_of({**document, "spec": {**document["spec"], **spec}})
        assert found is not None
        return found.version

    assert version() == version(arguments={"parameters": [{"name": "day", "value": "1"}]}, shutdown="Stop")
    assert version() != version(parallelism=2)


def test_a_step_of_a_library_is_told_from_an_own_one_of_the_same_names() -> None:
    ref = {"name": "lib", "template": "main"}
    nodes = {
        "a": node("Pod", "a", "d"),
        "d": node("DAG", "d", "x", templateRef=ref, templateName=None),
        "x": node("Pod", "a", boundaryID="d", templateScope="namespaced/lib"),
    }
    own, other = placed(nodes)
    assert [(ran.site, ran.type, ran.library) for ran in (own, other)] == [
        ("main/a", "work", ""),
        ("lib/main/a", "work", "lib"),
    ]
    assert other.tries[0].containers == ()  # the status does not hold that template


def test_what_a_run_is_of_is_no_library() -> None:
    nodes = {"a": node("Pod", "a", templateRef={"name": "train", "template": "work"}, templateName=None)}
    (ran,) = placed(nodes, workflowTemplateRef={"name": "train"})
    assert (ran.library, ran.type) == ("", "work")
