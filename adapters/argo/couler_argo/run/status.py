"""What a Workflow's status says of its run: how far it is, which of its steps run, and what it has handed out.

Sources: `WorkflowStatus` and `NodeStatus` of https://pkg.go.dev/github.com/argoproj/argo-workflows/v4/pkg/apis/workflow/v1alpha1.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from couler_argo.nodes import attempts_of, nodes_of
from couler_plugins.documents.mappings import Mapped
from couler_plugins.engine_kit.kubernetes.calls import status_in
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.running import Phase, Produced, Status

PHASES: dict[str, Phase] = {
    "": "pending",
    "Pending": "pending",
    "Running": "running",
    "Succeeded": "succeeded",
    "Failed": "failed",
    "Error": "failed",
}
GROUPS = ("StepGroup", "TaskGroup")
"""Nodes that are no steps themselves."""
DONE = ("Succeeded", "Skipped", "Omitted", "Failed", "Error")
MOST = 300  # characters of a message


def ended(workflow: Mapped) -> bool:
    """Whether a workflow has ended."""
    return _phase(workflow) in ("succeeded", "failed")


def status_of(workflow: Mapped) -> Status:
    """How far a workflow is; the steps are those of its entrypoint, where the nodes can be read."""
    status = status_in(workflow)
    nodes = list(_steps(workflow))
    by_phase = [(str(node.get("displayName")), node.get("phase"), node.get("type")) for node in nodes]
    return Status(
        phase=_phase(workflow),
        message=" ".join(str(status.get("message") or "").split())[:MOST],
        done=sum(phase in DONE for _, phase, _ in by_phase),
        steps=len(by_phase),
        running=tuple(name for name, phase, kind in by_phase if phase == "Running" and kind != "Suspend"),
        failed=tuple(name for name, phase, _ in by_phase if phase in ("Failed", "Error")),
        waiting=tuple(name for name, phase, kind in by_phase if phase == "Running" and kind == "Suspend"),
    )


def outputs_of(workflow: Mapped) -> list[Produced]:
    """The global outputs of a workflow: parameters, and artifacts with where they are stored."""
    outputs = status_in(workflow).get("outputs") or {}
    result = []
    for item in outputs.get("parameters") or ():
        value = item.get("value", "")
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        result.append(Produced(name=str(item.get("name")), kind="parameter", value=text))
    for item in outputs.get("artifacts") or ():
        keys = [place["key"] for place in item.values() if isinstance(place, dict) and "key" in place]
        result.append(Produced(name=str(item.get("name")), kind="artifact", value=str(keys[0]) if keys else ""))
    return result


def _steps(workflow: Mapped) -> Iterator[Mapped]:
    """The nodes of the steps that the entrypoint has, attempts of a step left out."""
    try:
        nodes = nodes_of(workflow)
    except InvalidInput:
        return  # compressed by what we cannot unpack: how far it is stays unknown
    root = workflow["metadata"]["name"]
    mine = [node for node in nodes.values() if node.get("boundaryID") == root and node.get("type") not in GROUPS]
    attempts = {ident for node in mine for ident in attempts_of(node, nodes)}
    yield from (node for node in mine if node.get("id") not in attempts)


def _phase(workflow: Mapped) -> Phase:
    return PHASES.get(str(status_in(workflow).get("phase") or ""), "running")
