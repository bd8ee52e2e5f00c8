"""What `queue` writes, before Kueue's own controller: pods wait, and start in the order and the shares that are set."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cluster.cluster import Cluster
from cluster.commands import busybox, dag, pipeline, task
from cluster.playing import NOWHERE, end, has_started, shares
from cluster.queueing import objects_of, queued_by, spans, table_of
from cluster.running import run_argo, run_tekton
from cluster.worker import secret_of, worker

RUNS = {"one": 26, "other": 14}
"""Runs of each user, of which the first one has twice the weight."""
SLOTS = 3
WITHIN = 0.1
ORDER = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
"""A fan-out: the steps, and those before each."""


def fan_out(engine: str) -> dict[str, Any]:
    """A run whose step `b` fails at first."""
    if engine == "argo":
        tasks = [
            {"name": name, "template": "again" if name == "b" else "once", "dependencies": list(above)}
            for name, above in ORDER.items()
        ]
        again = busybox("again", "exit $((1 - {{retries}}))", retryStrategy={"limit": 1})
        return dag("fan-", tasks, [busybox("once", "true"), again])
    scripts = {"b": ('[ "$(context.task.retry-count)" = 1 ]', {"retries": 1})}
    several = []
    for name, above in ORDER.items():
        script, fields = scripts.get(name, ("true", {}))
        several.append(task(name, script, runAfter=list(above), **fields))
    return pipeline("fan-", several)


def one_step(name: str) -> dict[str, Any]:
    """A workflow of one step that no node takes."""
    tasks = [{"name": "once", "template": "once"}]
    return dag(f"{name}-", tasks, [busybox("once", "true")], nodeSelector=NOWHERE)


@pytest.mark.parametrize("engine", ["argo", "tekton"])
def test_runs_end_one_pod_at_a_time(cluster: Cluster, queued: str, tmp_path: Path, engine: str) -> None:
    cluster.apply(objects_of(cluster, tmp_path, table_of(queued, 1))["queues"])
    document = queued_by(cluster, tmp_path, fan_out(engine), "name=user")
    first = cluster.api.create(queued, document)
    run = {"argo": run_argo, "tekton": run_tekton}[engine]
    assert run(cluster, queued, document).phase == "Succeeded"
    cluster.wait_for("the first run", lambda: has_succeeded(cluster, queued, first))
    pods = cluster.api.list(queued, "Pod")
    assert len(pods) == 10  # four steps and a second attempt, twice
    several = spans(pods)
    assert all(after[0] >= before[1] for before, after in pairwise(several)), several


def has_succeeded(cluster: Cluster, namespace: str, created: dict[str, Any]) -> bool:
    status = cluster.api.get(namespace, created["kind"], created["metadata"]["name"]).get("status", {})
    conditions = {item["type"]: item["status"] for item in status.get("conditions", ())}
    assert status.get("phase") not in ("Failed", "Error"), status
    assert conditions.get("Succeeded") != "False", status
    return status.get("phase") == "Succeeded" or conditions.get("Succeeded") == "True"


def test_a_higher_priority_goes_first(cluster: Cluster, queued: str, tmp_path: Path) -> None:
    cluster.apply(objects_of(cluster, tmp_path, table_of(queued, 1))["queues"])

    def started() -> list[dict[str, Any]]:
        return [pod for pod in cluster.api.list(queued, "Pod") if has_started(pod)]

    def waits_for(number: int) -> bool:
        return len(cluster.api.list(queued, "Workload")) == number and bool(started())

    def is_first(name: str) -> bool:
        return [pod["metadata"]["name"].startswith(name) for pod in started()] == [True]

    for number, name in enumerate(("low", "low", "high"), start=1):
        options = f"name=user,priority={queued}-{name}"
        cluster.api.create(queued, queued_by(cluster, tmp_path, one_step(name), options))
        cluster.wait_for("the pod in the queue", partial(waits_for, number))
    for name in ("low", "high", "low"):
        cluster.wait_for(f"the start of a pod of {name} priority", partial(is_first, name))
        end(cluster, *started())


def test_users_share_by_weight(cluster: Cluster, queued: str, tmp_path: Path) -> None:
    table = table_of(queued, SLOTS, weights={"one": 2, "other": 1})
    cluster.apply(objects_of(cluster, tmp_path, table)["queues"])
    for user, number in RUNS.items():
        workflow = queued_by(cluster, tmp_path, one_step(user), f"name={user}")
        for _ in range(number):
            cluster.api.create(queued, workflow)
    had = shares(cluster, queued, RUNS, SLOTS, seconds=1, limit=110)
    share = had["one"] / sum(had.values())
    assert abs(share / (2 / 3) - 1) <= WITHIN, had


def test_its_webhook_refuses_what_makes_no_sense(cluster: Cluster, queued: str, tmp_path: Path) -> None:
    """What the other tests apply is not accepted for want of a webhook."""
    *_, queue, _ = objects_of(cluster, tmp_path, table_of(queued, 1))["queues"]
    (quota, *_) = queue["spec"]["resourceGroups"][0]["flavors"][0]["resources"]
    quota["lendingLimit"] = 101  # of a hundred cores
    queue["spec"]["cohortName"] = queued
    with pytest.raises(RuntimeError, match=r"admission webhook .*lendingLimit"):
        cluster.apply([queue])


def test_another_cluster_runs_what_waits_in_the_first(cluster: Cluster, queued: str, tmp_path: Path) -> None:
    """MultiKueue: the pod of the first cluster stays held back, and gets the status of its copy in the second.

    A third cluster is not to be reached.
    """
    objects = objects_of(cluster, tmp_path, table_of(queued, 1, clusters=2))
    name = f"{queued}-0"
    with worker(cluster, queued) as second:
        second.apply(objects[name])
        cluster.apply([secret_of(second, name), *objects["manager"]])
        created = cluster.api.create(queued, queued_by(cluster, tmp_path, one_step("far"), "name=user"))
        second.wait_for("the copy", lambda: [pod for pod in second.api.list(queued, "Pod") if has_started(pod)])
        (copy,) = second.api.list(queued, "Pod")
        (pod,) = cluster.api.list(queued, "Pod")
        assert pod["metadata"]["name"] == copy["metadata"]["name"]
        assert not has_started(pod)
        end(second, copy)
        cluster.wait_for("the run", lambda: has_succeeded(cluster, queued, created))
