"""Where each step of a workflow stands, as the nodes of its status say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from couler_argo.nodes import attempts_of, nodes_of, pod_name
from couler_plugins.documents.mappings import Mapped
from couler_plugins.engine_kit.kubernetes.step_logs import Container, RunStep, message_of
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.running import StepPhase, StepStatus

PHASES: dict[str, StepPhase] = {
    "Running": "running",
    "Succeeded": "succeeded",
    "Skipped": "skipped",
    "Omitted": "skipped",
    "Failed": "failed",
    "Error": "failed",
}
GRAPHS = ("DAG", "Steps")
GROUPS = ("StepGroup", "TaskGroup", "Container")
"""Nodes that are no steps themselves."""
ENTRY, EXIT, HOOK = "entrypoint", ".onExit", ".hooks."
"""The step that starts a workflow, as it is lifted, and what the controller calls handlers of workflows."""


def steps_of(workflow: Mapped, within: str = "") -> list[RunStep]:
    """Return the steps that the controller has started, or will not start, in the order of their starts.

    Args:
        workflow: the workflow; one whose nodes are kept elsewhere has none here.
        within: what to put before the names of the steps.
    """
    try:
        nodes = nodes_of(workflow)
    except InvalidInput:
        return []  # compressed by what we cannot unpack
    return list(_steps(workflow, nodes, within))


def _steps(workflow: Mapped, nodes: Mapping[str, Mapped], within: str) -> Iterator[RunStep]:
    attempts = {ident for node in nodes.values() for ident in attempts_of(node, nodes)}
    containers: dict[str, list[str]] = {}
    for node in nodes.values():
        if node.get("type") == "Container":
            containers.setdefault(str(node.get("boundaryID")), []).append(str(node.get("displayName")))
    for ident in sorted(nodes, key=lambda ident: (str(nodes[ident].get("startedAt") or ""), ident)):
        node = nodes[ident]
        if node.get("type") in GROUPS or ident in attempts:
            continue
        tried = attempts_of(node, nodes)
        last = nodes[tried[-1]] if tried else node
        path = _path(workflow, node, nodes)
        if not node.get("boundaryID") and path == [(ENTRY, ENTRY)] and last.get("type") in (*GRAPHS, "Retry"):
            continue  # the run as a whole
        phase = PHASES.get(str(node.get("phase")), "pending")
        if (last.get("memoizationStatus") or {}).get("hit") and phase == "succeeded":
            phase = "cached"
        places: tuple[Container, ...] = ()
        if last.get("type") == "Pod" and phase in ("running", "succeeded", "failed") and last.get("phase") != "Pending":
            key = str(last.get("id"))
            pod = pod_name(workflow, key, last)
            names = containers.get(key, ["main"])
            places = tuple(Container(workflow["metadata"]["namespace"], pod, name) for name in sorted(names))
        status = StepStatus(
            step=within + "/".join(engine for engine, _ in path),
            node="/".join(own for _, own in path),
            phase=phase,
            message=message_of(last.get("message") or node.get("message")),
            has_log=bool(places),
        )
        yield RunStep(status, places)


def _path(workflow: Mapped, node: Mapped, nodes: Mapping[str, Mapped]) -> list[tuple[str, str]]:
    """The steps from the entry down to a node: what the controller calls each, and what the workflow does."""
    path: list[tuple[str, str]] = []
    seen: set[str] = set()
    current: Mapped | None = node
    while current is not None and str(current.get("id")) not in seen:
        seen.add(str(current.get("id")))
        name = str(current.get("displayName") or current.get("name"))
        if not current.get("boundaryID"):
            top = _outermost(str(workflow["metadata"]["name"]), str(current.get("name") or name))
            return [*([top] if top != (ENTRY, ENTRY) or not path else []), *reversed(path)]
        path.append((name, name.partition("(")[0]))  # items and attempts have their numbers in parentheses
        current = nodes.get(str(current.get("boundaryID")))
    return path[::-1]


def _outermost(workflow: str, name: str) -> tuple[str, str]:
    """The entry, or a handler of the workflow: what the controller calls it, and the id of its node."""
    own = name.removeprefix(workflow)
    if own.startswith(EXIT):
        return own[1:], "!0"
    if own.startswith(HOOK):
        return own[1:], f"!{own.removeprefix(HOOK).partition('(')[0]}"
    return ENTRY, ENTRY
