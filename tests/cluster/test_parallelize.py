"""Steps that need not wait for each other run at the same time on Argo, and nothing crosses a step with an effect."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import yaml

from cluster.cluster import Cluster
from cluster.commands import busybox
from cluster.running import run_argo
from couler_plugins import optimize
from couler_plugins.api import Text

PURE = {"metadata": {"annotations": {"couler.io/cache": "pure"}}}
COUNT = 4


def workflow(*templates: str) -> dict[str, Any]:
    """One step after another, and an output with what all of them made."""
    inputs = {"inputs": {"parameters": [{"name": "word"}]}}
    text = {"outputs": {"parameters": [{"name": "text", "valueFrom": {"path": "/tmp/text"}}]}}
    script = "sleep 2; echo made-{{inputs.parameters.word}} > /tmp/text"
    names = [f"s{number}" for number in range(len(templates))]
    steps = [
        [{"name": name, "template": template, "arguments": {"parameters": [{"name": "word", "value": name}]}}]
        for name, template in zip(names, templates, strict=True)
    ]
    texts = " ".join(f"{{{{steps.{name}.outputs.parameters.text}}}}" for name in names)
    word = {"parameters": [{"name": "word", "value": texts}]}
    outputs = {"outputs": {"parameters": [{"name": "all", "valueFrom": {"parameter": "{{steps.sum.outputs.result}}"}}]}}
    last = [{"name": "sum", "template": "sum", "arguments": word}]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "parallel-"},
        "spec": {
            "entrypoint": "main",
            "templates": [
                {"name": "main", "steps": [*steps, last], **outputs},
                busybox("pure", script, **inputs, **text, **PURE),
                busybox("effect", script, **inputs, **text),
                {
                    "name": "sum",
                    **inputs,
                    "script": {"image": "busybox:1", "command": ["sh"], "source": "echo {{inputs.parameters.word}}"},
                },
            ],
        },
    }


def relaxed(document: dict[str, Any]) -> dict[str, Any]:
    result = optimize(Text(yaml.safe_dump(document)), "parallelize", engine="argo")
    assert result.changed
    (changed,) = result.documents
    return dict(changed)


def ran(cluster: Cluster, namespace: str, document: dict[str, Any]) -> tuple[str, dict[str, tuple[float, float]]]:
    """The output of a run, and when its steps began and ended, in seconds since it began itself."""
    outcome = run_argo(cluster, namespace, document)
    assert (outcome.phase, outcome.messages) == ("Succeeded", {})
    nodes = cluster.api.get(namespace, "Workflow", outcome.name)["status"]["nodes"].values()
    (whole,) = (node for node in nodes if node["displayName"] == outcome.name)
    start = _seconds(whole["startedAt"])
    times = {
        node["displayName"]: (_seconds(node["startedAt"]) - start, _seconds(node["finishedAt"]) - start)
        for node in nodes
        if node["type"] == "Pod"
    }
    return outcome.outputs[outcome.name]["all"], times


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def test_independent_steps_run_at_the_same_time(cluster: Cluster, namespace: str) -> None:
    document = workflow(*["pure"] * COUNT)
    was, old = ran(cluster, namespace, document)
    now, new = ran(cluster, namespace, relaxed(document))
    assert now == was == " ".join(f"made-s{number}" for number in range(COUNT))
    names = [f"s{number}" for number in range(COUNT)]
    assert all(old[after][0] >= old[before][1] for before, after in pairwise(names))
    assert run_together(new, names), new


def run_together(times: dict[str, tuple[float, float]], names: Sequence[str]) -> bool:
    """Whether each of some steps began before any of them ended."""
    return max(times[name][0] for name in names) < min(times[name][1] for name in names)


def test_nothing_crosses_an_effect(cluster: Cluster, namespace: str) -> None:
    document = workflow("pure", "pure", "effect", "pure", "pure")
    now, times = ran(cluster, namespace, relaxed(document))
    assert now == " ".join(f"made-s{number}" for number in range(5))
    begins, ends = times["s2"]
    assert all(times[f"s{number}"][1] <= begins for number in (0, 1))
    assert all(times[f"s{number}"][0] >= ends for number in (3, 4))
    assert run_together(times, ["s0", "s1"]), times
