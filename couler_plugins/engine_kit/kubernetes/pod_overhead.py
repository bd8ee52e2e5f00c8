"""Overhead of pods: the seconds that one takes beside the work of its containers, as the pods of a cluster tell.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/: a pod tells when it was scheduled, and when
each of its containers started and ended, to the second. A wait for a node or for a quota is no overhead.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import islice
from statistics import median
from typing import Any

from couler_plugins.engine_kit.kubernetes.calls import Mapped, Refused, answer_of, pages, status_in
from couler_plugins.hookspecs.checks import Check

FEATURE = "fuse"
MOST = 500
"""Pods that are looked at."""
FEWEST = 5
"""Pods that a median needs: below that, one slow start decides."""


def check_overhead(api: Any, namespace: str, label: str, is_work: Callable[[str], bool]) -> Check:
    """Return how long a pod of an engine takes beside its work, in seconds: the median over those that succeeded.

    Args:
        api: the client, as `connected` gives it.
        namespace: where the pods are.
        label: the name of a label that all pods of the engine carry.
        is_work: says by its name whether a container is the workflow's own.

    Raises:
        EngineError: the cluster does not answer.
    """
    from kubernetes import client

    def ask(**page: Any) -> Mapped:
        call = client.CoreV1Api(api).list_namespaced_pod
        return answer_of("list pods", partial(call, namespace, label_selector=label, **page), {})

    try:
        pods = list(islice(pages(ask, "PodList", "pods"), MOST))
    except Refused:
        message = f"you may not list pods in {namespace}, which tell how long a pod takes beside its work"
        return Check(feature=FEATURE, state="unknown", message=message, remedy="set fuse{overhead=…}, in seconds")
    figures = [seconds for pod in pods if (seconds := overhead_of(pod, is_work)) is not None]
    if len(figures) < FEWEST:
        message = f"{len(figures)} pods in {namespace} tell how long a pod takes beside its work; {FEWEST} are needed"
        return Check(feature=FEATURE, state="unknown", message=message, remedy="run a workflow, and ask again")
    seconds = median(figures)
    message = f"a pod takes {seconds:g} s beside its work (median of {len(figures)} pods): fuse{{overhead={seconds:g}}}"
    return Check(feature=FEATURE, state="ok", message=message)


def overhead_of(pod: Mapped, is_work: Callable[[str], bool]) -> float | None:
    """Return the seconds of a pod before its work starts and after it ends; None where it does not tell."""
    status = status_in(pod)
    if status.get("phase") != "Succeeded":
        return None
    scheduled = [
        condition.get("lastTransitionTime")
        for condition in status.get("conditions") or ()
        if condition.get("type") == "PodScheduled" and condition.get("status") == "True"
    ]
    ends = {
        one["name"]: (one.get("state") or {}).get("terminated") or {} for one in status.get("containerStatuses", ())
    }
    work = [times for name, times in ends.items() if is_work(name)]
    try:
        begun, *_ = map(_seconds, scheduled)
        starts = [_seconds(times["startedAt"]) for times in work]
        last = max(_seconds(times["finishedAt"]) for times in ends.values())
        return min(starts) - begun + last - max(_seconds(times["finishedAt"]) for times in work)
    except (KeyError, TypeError, ValueError):
        return None


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
