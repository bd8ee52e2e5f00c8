"""Runs of Argo as a cluster prints them, to be fetched into a history: with failures, retries and a memoized step."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.argo.statuses import node, workflow

__all__ = ["argo_list", "argo_runs"]

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
OUTPUTS = {"parameters": [{"name": "rows", "value": "1234"}]}
WORKFLOWS = ("nightly", "churn", "report")


def argo_runs(count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Runs, an hour after one another; every tenth fails, and every seventh needs another attempt of its last step."""
    rng = random.Random(seed)
    for number in range(count):
        begin = BEGINNING + timedelta(hours=number)
        name = WORKFLOWS[number % len(WORKFLOWS)]
        prepare, train = 60 * rng.uniform(1, 3), 60 * rng.uniform(10, 40)
        hit = number >= 6 and number % 4 > 0
        memo = {"hit": hit, "key": name, "cacheName": "couler-cache"}
        ends = [begin + timedelta(seconds=1 if hit else prepare)]
        starts = [ends[0] + timedelta(seconds=rng.uniform(0, 20))]
        ends.append(starts[0] + timedelta(seconds=train))
        phase = "Failed" if number % 10 == 3 else "Succeeded"
        again = number % 7 == 2
        nodes = {
            "a": node("Pod", "prepare", "b", memoizationStatus=memo, outputs=OUTPUTS, **_times(begin, ends[0])),
            "b": node("Retry" if again else "Pod", "train", **_times(starts[0], ends[1]), phase=phase),
        }
        if again:
            half = starts[0] + timedelta(seconds=train / 2)
            nodes["b"]["children"] = ["b0", "b1"]
            nodes["b0"] = node("Pod", "train(0)", **_times(starts[0], half), phase="Failed")
            nodes["b1"] = node("Pod", "train(1)", **_times(half, ends[1]), phase=phase)
        document = workflow(nodes)
        document["metadata"] = {"name": f"{name}-{number}", "generateName": f"{name}-", "uid": f"uid-{number}"}
        document["status"] |= {"phase": phase, "finishedAt": _text(ends[1])}
        yield document


def argo_list(*runs: dict[str, Any]) -> str:
    """What `kubectl get workflows -o json` prints."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": runs})


def _times(start: datetime, end: datetime) -> dict[str, str]:
    return {"startedAt": _text(start), "finishedAt": _text(end)}


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
