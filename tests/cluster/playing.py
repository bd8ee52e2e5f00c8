"""Plays pods that no node takes: they run nothing, and end some time after they may start, as the test says."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from cluster.cluster import Cluster
from cluster.queueing import LABELS

__all__ = ["NOWHERE", "end", "has_started", "shares"]

NOWHERE = {"tests.couler.io/played": "yes"}
"""A label that no node has."""
LOOKS = 0.1
"""Seconds between two looks at the pods."""


def has_started(pod: Mapping[str, Any]) -> bool:
    """Whether nothing holds a pod back, and it has not ended."""
    return not pod["spec"].get("schedulingGates") and pod["status"]["phase"] == "Pending"


def end(cluster: Cluster, pod: Mapping[str, Any]) -> None:
    """Let a pod succeed."""
    metadata = pod["metadata"]
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    ended = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}}
    containers = [
        {"name": item["name"], "image": item["image"], "imageID": "", "ready": False, "restartCount": 0, "state": ended}
        for item in pod["spec"]["containers"]
    ]
    status = {"phase": "Succeeded", "startTime": now, "containerStatuses": containers}
    cluster.api.set_status(metadata["namespace"], "Pod", metadata["name"], status)


def shares(
    cluster: Cluster, namespace: str, runs: Mapping[str, int], slots: int, seconds: float, limit: float
) -> dict[str, float]:
    """Let pods run for some seconds each, until all have ended, and say how much each user had.

    Args:
        cluster: that is up.
        namespace: of the pods.
        runs: pods that each user has in all.
        slots: pods that may run at a time.
        seconds: that each pod runs.
        limit: seconds in which all are to end.

    Returns:
        pod-seconds of each user, while others than those that run wait for both.
    """
    since: dict[str, float] = {}
    ended: set[str] = set()
    had: dict[str, float] = defaultdict(float)
    begin = before = time.monotonic()
    full = False
    while len(ended) < sum(runs.values()):
        pods = cluster.api.list(namespace, "Pod")
        now = time.monotonic()
        assert now < begin + limit, f"{len(ended)} of {sum(runs.values())} pods have ended in {limit:g} s"
        running = [pod for pod in pods if pod["metadata"]["uid"] not in ended and has_started(pod)]
        begun = Counter(_user(pod) for pod in pods if not pod["spec"].get("schedulingGates"))
        full = full or len(running) == slots
        if full and all(begun[user] < number for user, number in runs.items()):
            for pod in running:
                had[_user(pod)] += now - before
        before = now
        for pod in running:
            uid = pod["metadata"]["uid"]
            if now - since.setdefault(uid, now) >= seconds:
                end(cluster, pod)
                ended.add(uid)
        time.sleep(LOOKS)
    return dict(had)


def _user(pod: Mapping[str, Any]) -> str:
    return str(pod["metadata"]["labels"][f"{LABELS}queue-name"])
