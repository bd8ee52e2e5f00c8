"""Runs documents to their end on the cluster, and says what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cluster.cluster import Cluster

__all__ = ["Outcome", "run_argo", "run_tekton"]

LIMIT = 240.0
"""Seconds in which a workflow of a test ends, many others beside it."""


class Outcome(NamedTuple):
    """What became of a run.

    Attributes:
        name: of the object.
        phase: that it ended in.
        outputs: of each node by the name of its step, of a pipeline its results.
        messages: of nodes that did not succeed.
    """

    name: str
    phase: str
    outputs: Mapping[str, Any]
    messages: Mapping[str, str]


def run_argo(cluster: Cluster, namespace: str, workflow: Mapping[str, Any], limit: float = LIMIT) -> Outcome:
    name = _created(cluster, namespace, workflow)

    def status() -> dict[str, Any]:
        found: dict[str, Any] = cluster.api.get(namespace, "Workflow", name).get("status", {})
        return found

    cluster.wait_for(f"the workflow {name}", lambda: status().get("phase") in ("Succeeded", "Failed", "Error"), limit)
    ended = status()
    nodes = ended.get("nodes", {}).values()
    return Outcome(
        name,
        ended["phase"],
        {node["displayName"]: _outputs(node["outputs"]) for node in nodes if node.get("outputs")},
        {
            node["displayName"]: node.get("message", "")
            for node in nodes
            if node["phase"] not in ("Succeeded", "Skipped")
        },
    )


def run_tekton(cluster: Cluster, namespace: str, run: Mapping[str, Any], limit: float = LIMIT) -> Outcome:
    name = _created(cluster, namespace, run)

    def condition() -> dict[str, Any]:
        status = cluster.api.get(namespace, "PipelineRun", name).get("status", {})
        return next(iter(status.get("conditions", [])), {})

    cluster.wait_for(f"the run {name}", lambda: condition().get("status") in ("True", "False"), limit)
    status = cluster.api.get(namespace, "PipelineRun", name)["status"]
    ended = condition()
    return Outcome(
        name,
        "Succeeded" if ended["status"] == "True" else "Failed",
        {item["name"]: item["value"] for item in status.get("results", [])},
        {} if ended["status"] == "True" else {name: ended.get("message", "")},
    )


def _created(cluster: Cluster, namespace: str, document: Mapping[str, Any]) -> str:
    name: str = cluster.api.create(namespace, document)["metadata"]["name"]
    return name


def _outputs(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """A node's parameters by name, and what it printed as `result`."""
    found = {item["name"]: item.get("value") for item in outputs.get("parameters", [])}
    return found | ({"result": outputs["result"]} if "result" in outputs else {})
