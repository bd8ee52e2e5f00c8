"""What `queue` writes, before Kueue's own controller: pods wait, and start in the order and the shares that are set."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from cluster.cluster import Cluster
from cluster.commands import busybox, dag, pipeline, task
from cluster.playing import NOWHERE, end, has_started, shares
from cluster.queueing import label_of, queue_of, spans
from cluster.running import run_argo, run_tekton
from cluster.worker import secret_of, worker

RUNS = {"one": 26, "other": 14}
"""Runs of each user, of which the first one has twice the weight."""
SLOTS = 3
WITHIN = 0.1


def waits(engine: str, queue: str) -> dict[str, Any]:
    """A fan-out whose second step fails at first, with what `queue` writes."""
    order = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
    if engine == "argo":
        tasks = [
            {"name": name, "template": "again" if name == "b" else "once", "dependencies": list(above)}
            for name, above in order.items()
        ]
        again = busybox("again", "exit $((1 - {{retries}}))", retryStrategy={"limit": 1})
        return dag("fan-", tasks, [busybox("once", "true"), again], podMetadata={"labels": label_of(queue)})
    several = [
        task(name, '[ "$(context.task.retry-count)" = 1 ]', retries=1, runAfter=list(above))
        if name == "b"
        else task(name, "true", runAfter=list(above))
        for name, above in order.items()
    ]
    document = pipeline("fan-", several)
    document["metadata"]["labels"] = label_of(queue)
    return document


def one_step(prefix: str, queue: str, priority: str = "") -> dict[str, Any]:
    """A workflow of one step that no node takes, with what `queue` writes."""
    spec = {"podMetadata": {"labels": label_of(queue, priority)}, "nodeSelector": NOWHERE}
    return dag(prefix, [{"name": "once", "template": "once"}], [busybox("once", "true")], **spec)


@pytest.mark.parametrize("engine", ["argo", "tekton"])
def test_runs_end_one_pod_at_a_time(cluster: Cluster, queued: str, engine: str) -> None:
    cluster.apply(queue_of(queued, 1))
    run = {"argo": run_argo, "tekton": run_tekton}[engine]
    first = cluster.api.create(queued, waits(engine, "user"))
    assert run(cluster, queued, waits(engine, "user")).phase == "Succeeded"
    cluster.wait_for("the first run", lambda: _has_ended(cluster, queued, first))
    pods = cluster.api.list(queued, "Pod")
    assert len(pods) == 10  # four steps and a second attempt, twice
    several = spans(pods)
    assert all(after[0] >= before[1] for before, after in pairwise(several)), several


def _has_ended(cluster: Cluster, namespace: str, created: dict[str, Any]) -> bool:
    status = cluster.api.get(namespace, created["kind"], created["metadata"]["name"])["status"]
    conditions = {item["type"]: item["status"] for item in status.get("conditions", ())}
    assert status.get("phase") not in ("Failed", "Error"), status
    assert conditions.get("Succeeded") != "False", status
    return status.get("phase") == "Succeeded" or conditions.get("Succeeded") == "True"


def test_a_higher_priority_goes_first(cluster: Cluster, queued: str) -> None:
    classes = [
        {
            "apiVersion": "kueue.x-k8s.io/v1beta2",
            "kind": "WorkloadPriorityClass",
            "metadata": {"name": f"{queued}-{name}"},
            "value": value,
        }
        for name, value in (("low", 1), ("high", 2))
    ]
    cluster.apply([*queue_of(queued, 1), *classes])

    def submit(name: str) -> None:
        cluster.api.create(queued, one_step(f"{name}-", "user", f"{queued}-{name}"))

    def started() -> list[dict[str, Any]]:
        return [pod for pod in cluster.api.list(queued, "Pod") if has_started(pod)]

    order = ["low", "low", "high"]
    for number, name in enumerate(order, start=1):
        submit(name)
        cluster.wait_for("the workload", lambda number=number: len(cluster.api.list(queued, "Workload")) == number)
        cluster.wait_for("the first pod", started)
    for name in ("low", "high", "low"):
        cluster.wait_for("the next pod", started)
        (pod,) = started()
        assert pod["metadata"]["name"].startswith(name)
        end(cluster, pod)
        cluster.wait_for(
            "its end", lambda pod=pod: pod["metadata"]["uid"] not in [p["metadata"]["uid"] for p in started()]
        )


def test_users_share_by_weight(cluster: Cluster, queued: str) -> None:
    cluster.apply(queue_of(queued, SLOTS, weights={"one": 2, "other": 1}))
    for user, number in RUNS.items():
        for _ in range(number):
            cluster.api.create(queued, one_step(f"{user}-", user))
    had = shares(cluster, queued, RUNS, SLOTS, seconds=1, limit=110)
    share = had["one"] / sum(had.values())
    assert abs(share / (2 / 3) - 1) <= WITHIN, had


def test_another_cluster_runs_what_waits_in_the_first(cluster: Cluster, queued: str) -> None:
    """MultiKueue: the pod of the first cluster stays held back, and gets the status of its copy in the second."""
    name = f"{queued}-worker"
    *queues, last = queue_of(queued, 1)
    version = {"apiVersion": last["apiVersion"]}
    parameters = {"apiGroup": "kueue.x-k8s.io", "kind": "MultiKueueConfig", "name": name}
    check = {"controllerName": "kueue.x-k8s.io/multikueue", "parameters": parameters}
    source = {"kubeConfig": {"location": name, "locationType": "Secret"}}
    with worker(cluster, queued) as second:
        second.apply([*queues, last])
        queues[-1]["spec"]["admissionChecksStrategy"] = {"admissionChecks": [{"name": name}]}
        dispatch = [
            {"kind": "MultiKueueCluster", "metadata": {"name": name}, "spec": {"clusterSource": source}},
            {"kind": "MultiKueueConfig", "metadata": {"name": name}, "spec": {"clusters": [name]}},
            {"kind": "AdmissionCheck", "metadata": {"name": name}, "spec": check},
        ]
        cluster.apply([secret_of(second, name), *(version | item for item in dispatch), *queues, last])
        created = cluster.api.create(queued, one_step("once-", "user"))
        second.wait_for("the copy", lambda: [pod for pod in second.api.list(queued, "Pod") if has_started(pod)])
        (copy,) = second.api.list(queued, "Pod")
        (pod,) = cluster.api.list(queued, "Pod")
        assert pod["metadata"]["name"] == copy["metadata"]["name"]
        assert not has_started(pod)
        end(second, copy)
        cluster.wait_for("the run", lambda: _has_ended(cluster, queued, created))
