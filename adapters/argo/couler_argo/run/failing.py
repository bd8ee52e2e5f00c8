"""Which steps of a workflow failed, and in which pods they ran."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from couler_argo.codec import Mapped
from couler_argo.nodes import attempts_of, nodes_of, template_name
from couler_plugins.engine_kit.kubernetes.failing import Container, Failed
from couler_plugins.errors import InvalidInput

__all__ = ["failed_of", "own_lines"]

FAILED = ("Failed", "Error")
GROUPS = ("DAG", "Retry", "StepGroup", "Steps", "TaskGroup")
"""Nodes that fail because others did; a Retry has its attempts."""
OF_EXECUTOR = re.compile(r"\bargo=true\b|\"argo\":\s*true\b")
"""What marks a line that `argoexec` prints into a container's log: its logger in cmd/argoexec/commands/root.go."""
EXITED = "sub-process exited"
"""What it says when that has ended; what follows is its own as well."""
PREFIX = 242
"""Characters of a pod's name before the hash, at most."""


def failed_of(workflows: Iterable[Mapped]) -> list[Failed]:
    """The steps that failed, of a workflow and of those that it has started for its parts.

    Args:
        workflows: the parent, then its parts. What starts a part fails with it, and says less than the part.
    """
    parent, *parts = [list(_failed(workflow)) for workflow in workflows]
    return [step for part in parts for step in part] or parent


def own_lines(lines: list[str]) -> list[str]:
    """The lines of a log that are not those of Argo's executor."""
    marked = [bool(OF_EXECUTOR.search(line)) for line in lines]
    end = next((number for number, line in enumerate(lines) if marked[number] and EXITED in line), len(lines))
    return [line for line, executor in zip(lines[:end], marked, strict=False) if not executor]


def _failed(workflow: Mapped) -> Iterator[Failed]:
    try:
        nodes = nodes_of(workflow)
    except InvalidInput:
        return  # compressed by what we cannot unpack
    retries = {ident: (node, ident == tried[-1]) for node, tried in _tried(nodes) for ident in tried}
    failed = [node for node in nodes.values() if node.get("phase") in FAILED]
    steps = []
    for node in failed:
        whole, is_last = retries.get(str(node["id"]), (node, True))
        if node.get("type") not in (*GROUPS, "Container") and is_last and whole.get("phase") in FAILED:
            steps.append((str(node.get("finishedAt") or ""), str(whole.get("displayName")), node))
    for _, name, node in sorted(steps, key=lambda step: step[:2]):
        inner = [each for each in failed if each.get("type") == "Container" and each.get("boundaryID") == node["id"]]
        container = str(inner[0].get("displayName")) if inner else "main"
        place = Container(workflow["metadata"]["namespace"], _pod(workflow, node), container)
        yield Failed(name, str(node.get("message") or ""), place if node.get("type") == "Pod" else None)
    if not steps:  # a group that could not be made of its template, say
        said = (workflow.get("status") or {}).get("message")
        messages = [
            node for node in failed if node.get("type") in GROUPS and node.get("message") not in (None, "", said)
        ]
        yield from (Failed(str(node.get("displayName")), str(node["message"])) for node in messages)


def _tried(nodes: Mapping[str, Mapped]) -> Iterator[tuple[Mapped, list[str]]]:
    """The steps that were tried more than once, or may be, with their attempts."""
    tried = ((node, attempts_of(node, nodes)) for node in nodes.values())
    return ((node, attempts) for node, attempts in tried if attempts)


def _pod(workflow: Mapped, node: Mapped) -> str:
    """The name of a node's pod: `GeneratePodName` of workflow/util/pod_name.go."""
    metadata, ident = workflow["metadata"], str(node["id"])
    version = (metadata.get("annotations") or {}).get("workflows.argoproj.io/pod-name-format")
    if version == "v1" or ident == metadata["name"]:
        return ident
    prefix = "-".join(filter(None, (metadata["name"], template_name(node))))[:PREFIX]
    return f"{prefix}-{ident.rpartition('-')[2]}"
