"""Histories of an Argo workflow before and after a change, as `kubectl get workflows -o json` prints them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 10, 1, tzinfo=UTC)
Spec = dict[str, Any]


def spec() -> Spec:
    """Return a workflow of two steps, one after the other."""
    tasks = [{"name": "fetch", "template": "fetch"}, {"name": "train", "template": "train", "dependencies": ["fetch"]}]
    templates: list[Spec] = [{"name": "main", "dag": {"tasks": tasks}}]
    for name, cpu in (("fetch", "1"), ("train", "4")):
        resources = {"requests": {"cpu": cpu, "memory": "4Gi"}}
        templates.append({"name": name, "container": {"image": "i", "command": [name], "resources": resources}})
    return {"entrypoint": "main", "templates": templates}


def workflow(
    number: int,
    content: Spec,
    seconds: Mapping[str, float],
    *,
    failed: bool = False,
    hit: str = "",
    family: str = "nightly",
) -> dict[str, Any]:
    """Return one run with its status.

    Args:
        number: of the run; one runs each day.
        content: its specification.
        seconds: how long each step took; steps come one after another.
        failed: whether its last step failed.
        hit: the step whose result came from Argo's memoization.
        family: the name of the workflow.
    """
    name = f"{family}-{number:05}"
    moment, before = START + timedelta(days=number), "root"
    nodes: dict[str, Any] = {"root": {"id": "root", "name": name, "type": "DAG", "templateName": "main"}}
    for step, time in seconds.items():
        end = moment + timedelta(seconds=time)
        nodes[step] = {
            "id": step,
            "name": f"{name}.{step}",
            "displayName": step,
            "type": "Pod",
            "templateName": step,
            "boundaryID": "root",
            "phase": "Failed" if failed and step == [*seconds][-1] else "Succeeded",
            "startedAt": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "finishedAt": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if step == hit:
            nodes[step] |= {"memoizationStatus": {"hit": True, "key": "k", "cacheName": "c"}}
        nodes[before]["children"] = [step]
        moment, before = end, step
    phase = "Failed" if failed else "Succeeded"
    nodes["root"]["phase"] = phase
    metadata = {"name": name, "generateName": f"{family}-", "namespace": "ci", "uid": f"uid-{name}"}
    status = {"phase": phase, "finishedAt": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "nodes": nodes}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata,
        "spec": content,
        "status": status,
    }


def history(
    change: Callable[[Spec], None],
    factor: float = 1.0,
    *,
    before: int = 20,
    after: int = 20,
    spread: float = 0.08,
    seed: int = 3,
) -> dict[str, Any]:
    """Return runs of a workflow before and after a change.

    Args:
        change: edits the specification.
        factor: how many times as long steps take after it.
        before, after: how many runs.
        spread: sigma of the log-normal factor that all steps of a run share.
        seed: of that.
    """
    chance, new = random.Random(seed), spec()
    change(new)
    items = []
    for number in range(before + after):
        share = chance.lognormvariate(0, spread) * (factor if number >= before else 1)
        seconds = {"fetch": 120 * share, "train": 1080 * share}
        items.append(workflow(number, spec() if number < before else new, seconds))
    return {"apiVersion": "v1", "kind": "List", "items": items}
