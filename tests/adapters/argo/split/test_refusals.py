"""What cannot cross is kept in one part or refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.argo.split.chains import Chain
from adapters.argo.split.test_split import differences, split
from couler_plugins.errors import CoulerError

CLAIM = {"volumeClaimTemplates": [{"metadata": {"name": "work"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]}
MOUNTS = [{"name": "work", "mountPath": "/w"}]
MOUNTED = {"image": "i", "command": ["c"], "args": ["{{inputs.parameters.x}}"], "volumeMounts": MOUNTS}
LOCK = {"mutexes": [{"name": "m"}]}

REFUSED: dict[str, tuple[Any, str]] = {
    "parallelism": (Chain(parallelism=2).data, "limits how many of its pods"),
    "a lock": (Chain(synchronization=LOCK).data, "holds a lock"),
    "deleted artifacts": (Chain(artifactGC={"strategy": "OnWorkflowCompletion"}).data, "deleted when a workflow"),
    "an account of the run": (Chain(serviceAccountName="{{workflow.parameters.p}}").data, "service account"),
    "a lock of the DAG": (Chain().entry(synchronization=LOCK), "takes a lock"),
    "parallelism of the DAG": (Chain().entry(parallelism=1), "how many of its steps"),
    "retries of the DAG": (Chain().entry(retryStrategy={"limit": 2}), "retried as a whole"),
    "an artifact of the DAG": (
        Chain().entry(outputs={"artifacts": [{"name": "z", "from": "{{tasks.t3.outputs.artifacts.a}}"}]}),
        "hands out an artifact",
    ),
    "an artifact for the DAG": (
        Chain(arguments={"artifacts": [{"name": "z", "raw": {"data": "1"}}]}).entry(
            inputs={"artifacts": [{"name": "z"}]}
        ),
        "is passed an artifact",
    ),
    "a target": (Chain().dag(target="t3"), "some of its steps only"),
    "recursion": (Chain().task(3, template="main", arguments={}), "calls itself"),
    "all parameters": (
        Chain().task(1, arguments={"parameters": [{"name": "x", "value": "{{workflow.parameters}}"}]}),
        "all its parameters",
    ),
    "all parameters as JSON": (
        Chain().task(1, arguments={"parameters": [{"name": "x", "value": "{{workflow.parameters.json}}"}]}),
        "all its parameters",
    ),
    "all of the run": (
        Chain().task(1, arguments={"parameters": [{"name": "x", "value": "{{=toJson(workflow)}}"}]}),
        "all that is known of its run",
    ),
    "a run of the user's": (
        Chain(arguments={"parameters": [{"name": "p", "value": "1"}, {"name": "couler-run", "value": "7"}]}).data,
        "'couler-run' of its own",
    ),
    "no name": ({**Chain().data, "metadata": {}}, "has no name"),
    "a global output": (
        Chain().every(outputs={"parameters": [{"name": "o", "globalName": "g", "valueFrom": {"path": "/o"}}]}),
        "global output",
    ),
    "a suspension": (
        Chain().every(
            suspend={}, outputs={"parameters": [{"name": "o", "valueFrom": {"supplied": {}}}]}, container=None
        ),
        "waits for someone",
    ),
    "a handler of global outputs": (Chain().handled("{{workflow.outputs.parameters.g}}"), "its global outputs"),
    "a handler of failures": (Chain().handled("{{workflow.failures}}"), "which tasks have failed"),
    "a handler with a claim": (Chain(**CLAIM).handled(volumeMounts=MOUNTS), "each part would have its own"),
    "a handler beside defaults": (Chain(templateDefaults={"activeDeadlineSeconds": 9}).handled(), "templateDefaults"),
}
"""Workflows that are not split into workflows, and what the reason says."""
OF_THE_IR = ("a lock of the DAG", "parallelism of the DAG", "a target")
"""Those that the IR refuses, whatever the engine: it has no hint."""

TOGETHER: dict[str, tuple[Any, str]] = {
    "a claim": (Chain(**CLAIM).every(container=MOUNTED), "share the volume claim 'work'"),
    "a claim of a containerSet": (
        Chain(**CLAIM).every(
            container=None, containerSet={"volumeMounts": MOUNTS, "containers": [{"name": "main", "image": "i"}]}
        ),
        "share the volume claim 'work'",
    ),
    "a claim, and templates elsewhere": (
        Chain(**CLAIM).dag(
            tasks=[
                {
                    "name": f"t{number}",
                    "templateRef": {"name": "l", "template": "t"},
                    "depends": f"t{number - 1}" * bool(number),
                }
                for number in range(3)
            ]
        ),
        "share the volume claim 'work'",
    ),
    "a daemon": (Chain().every(daemon=True), "use the daemon"),
    "a status": (Chain().task(2, depends="t1.Failed || t1.Succeeded"), "depends on how another one ends"),
    "failing on": (Chain().dag(failFast=False), "stops only what depends on it"),
    "a condition": (Chain().task(1, when="1 == 2"), "may be skipped"),
    "a fact": (
        Chain().task(2, arguments={"parameters": [{"name": "x", "value": "{{tasks.t1.status}}"}]}),
        "the status of 't1' is read",
    ),
    "an optional artifact": (Chain().crossing(optional=True), "it is optional"),
    "a deleted artifact": (Chain().crossing(artifactGC={"strategy": "OnWorkflowCompletion"}), "it is deleted when"),
    "a location of the run": (
        Chain().crossing(s3={"endpoint": "e", "bucket": "{{inputs.parameters.x}}", "key": "k"}),
        "the run chooses where it is stored",
    ),
    "a location without keys": (Chain().crossing(http={"url": "http://x/y"}), "of the kind 'http'"),
}
"""Workflows with tasks that stay in one part, and what the reason says."""


def refusal(data: Any, tmp_path: Path, **options: Any) -> CoulerError:
    with pytest.raises(CoulerError) as caught:
        split(data, tmp_path, **options)
    return caught.value


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_with_the_reason(what: str, tmp_path: Path) -> None:
    data, reason = REFUSED[what]
    error = refusal(data, tmp_path, into="workflows", max_steps=2)
    assert reason in str(error)
    assert error.hint or what in OF_THE_IR


@pytest.mark.parametrize("what", TOGETHER)
def test_it_is_kept_together_with_the_reason(what: str, tmp_path: Path) -> None:
    data, reason = TOGETHER[what]
    assert reason in str(refusal(data, tmp_path, into="workflows", max_steps=1))


def test_what_is_together_is_not_refused_where_it_fits(tmp_path: Path) -> None:
    data = Chain().crossing(optional=True)
    after = split(data, tmp_path, into="workflows", max_steps=3)
    assert len(after) > 1
    assert differences(data, after) == []


def test_graphs_keep_what_workflows_could_not(tmp_path: Path) -> None:
    for what in ("parallelism", "a global output", "a handler of failures", "an account of the run"):
        data, _ = REFUSED[what]
        (after,) = split(data, tmp_path, into="graphs", max_steps=2)
        assert len(after["spec"]["templates"]) > len(data["spec"]["templates"]), what
