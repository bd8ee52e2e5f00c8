"""Workflows that are running: what they have done, what is still to come, and which artifacts they may read.

The controller makes the node of a step when it starts it. Those that it has not made yet are put in here, so that a
run counts as whole: what a pending step reads is still needed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from couler_argo.documents import Manifest
from couler_argo.history import run_of
from couler_argo.lift import lift_manifest
from couler_argo.nodes import attempts_of, nodes_of
from couler_plugins.documents.mappings import Mapped
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Call, External, Graph, GraphView, Step, callables
from couler_plugins.runs import Run

ENDED = ("Succeeded", "Failed", "Error")
DONE = (*ENDED, "Skipped", "Omitted")
COMPLETED = "workflows.argoproj.io/completed"
GROUPS = ("DAG", "Steps", "TaskGroup", "StepGroup")
log = logging.getLogger(__name__)
WORD = re.compile(r"[A-Za-z0-9_.-]+")
"""What the parts of an artifact's key consist of."""


class Live(NamedTuple):
    """A running workflow.

    Attributes:
        run: what it has done and will do; None where it has not started, or that cannot be read.
        words: every word in it that may be a part of an artifact's key; None where not all of it can be read.
    """

    run: Run | None
    words: frozenset[str] | None


def is_live(workflow: Mapped) -> bool:
    """Whether a workflow has not ended."""
    labels, status = workflow["metadata"].get("labels"), workflow.get("status")
    completed = isinstance(labels, dict) and labels.get(COMPLETED) == "true"
    return not completed and (status.get("phase") if isinstance(status, dict) else None) not in ENDED


def live_of(workflow: Mapped, now: float) -> Live:
    """A running workflow as it is at the time `now`, in seconds since 1970.

    Raises nothing for what a workflow holds: what cannot be read is unknown.
    """
    status = workflow.get("status") or {}
    try:
        nodes = {ident: dict(node) for ident, node in nodes_of(workflow).items()}
    except (InvalidInput, AttributeError, TypeError, ValueError):
        return Live(None, None)
    if status.get("offloadNodeStatusVersion") and not nodes:
        return Live(None, None)
    words = _words({**workflow, "nodes": list(nodes.values())})
    try:
        run = run_of(_with_nodes(workflow, _Coming(workflow, nodes).completed())) if nodes else None
    except (InvalidInput, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        log.info("what is to come of %s is not known: %s", workflow["metadata"].get("name"), error)
        run = None
    return Live(msgspec.structs.replace(run, at=now) if run else None, words)


def _with_nodes(workflow: Mapped, nodes: dict[str, Mapped]) -> Mapped:
    status = {**workflow["status"], "nodes": nodes}
    status.pop("compressedNodes", None)
    return {**workflow, "status": status}


def _words(content: Any) -> frozenset[str]:
    """All words in a text, those in escaped URLs included."""
    text = msgspec.json.encode(content).decode().replace("%2F", "/").replace("%2f", "/")
    return frozenset(WORD.findall(text))


class _Coming:
    """Adds the nodes that a running workflow does not have yet to those that it has, which are changed in place."""

    def __init__(self, workflow: Mapped, nodes: dict[str, Mapped]) -> None:
        spec = (workflow.get("status") or {}).get("storedWorkflowTemplateSpec") or workflow.get("spec")
        plain = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "live"}, "spec": spec}
        self._callables = callables(lift_manifest(Manifest("Workflow", (), plain), 0))
        self._nodes = nodes

    def completed(self) -> dict[str, Mapped]:
        """All nodes; the innermost graphs first, since what follows one follows what is last in it."""
        running = [
            ident
            for ident, node in self._nodes.items()
            if node.get("type") in ("DAG", "Steps") and node.get("phase") not in DONE
        ]
        members: dict[str, dict[str, str]] = {ident: {} for ident in running}
        for ident, node in self._nodes.items():
            inside = members.get(str(node.get("boundaryID", "")))
            if inside is not None:
                inside[str(node.get("displayName"))] = ident
        for ident in sorted(running, key=lambda ident: (-self._depth(ident), ident)):
            graph = self._callables.get(str(self._nodes[ident].get("templateName")))
            if isinstance(graph, Graph):
                self._complete(ident, graph, members[ident])
        return self._nodes

    def _depth(self, ident: str) -> int:
        seen: set[str] = set()
        while ident in self._nodes and ident not in seen:
            seen.add(ident)
            ident = str(self._nodes[ident].get("boundaryID", ""))
        return len(seen)

    def _complete(self, boundary: str, graph: Graph, outputs: dict[str, str]) -> None:
        """Adds what is missing of one graph. Linear in its steps and edges: a stage follows another by one node."""
        view = GraphView(graph, self._callables)
        stage = {name: number for number, names in enumerate(graph.stages or ()) for name in names}
        entered: dict[int, str] = {}
        for name, step in _in_order(graph, view):
            if name in outputs:
                continue
            before = [
                sink for other in view.predecessors(name) if other in outputs for sink in self._sinks(outputs[other])
            ]
            number = stage.get(name, 0)
            if number and number not in entered:
                ended = [outputs[other] for other in (graph.stages or ())[number - 1] if other in outputs]
                entered[number] = self._add(boundary, f"[{number}]", "StepGroup", "", self._all_sinks(ended))
            if number:
                before.append(entered[number])
            outputs[name] = self._add(boundary, name, "Pod", _callee(step), before or [boundary])

    def _add(self, boundary: str, name: str, kind: str, template: str, before: Sequence[str]) -> str:
        ident = f"{boundary}/{name}"
        self._nodes[ident] = {
            "id": ident,
            "type": kind,
            "phase": "Pending",
            "displayName": name,
            "templateName": template,
            "boundaryID": boundary,
        }
        for other in dict.fromkeys(before):
            self._nodes[other]["children"] = [*(self._nodes[other].get("children") or ()), ident]
        return ident

    def _all_sinks(self, idents: Sequence[str]) -> list[str]:
        return [sink for ident in idents for sink in self._sinks(ident)]

    def _sinks(self, ident: str) -> Iterator[str]:
        """The nodes that what follows a node comes after: itself, its last attempt, or the last ones in a group."""
        node = self._nodes[ident]
        attempts = attempts_of(node, self._nodes)
        if attempts:
            yield from self._sinks(attempts[-1])
            return
        if node.get("type") not in GROUPS:
            yield ident
            return
        last = [other for other in node.get("outboundNodes") or () if other in self._nodes]
        if last:
            yield from last
            return
        seen, ahead = {ident}, [ident]
        while ahead:
            current = ahead.pop()
            children = [child for child in self._nodes[current].get("children") or () if child in self._nodes]
            if not children:
                yield current
            ahead += [child for child in children if child not in seen]
            seen.update(children)


def _in_order(graph: Graph, view: GraphView) -> Iterator[tuple[str, Step]]:
    steps = {step.name: step for step in graph.steps}
    return ((name, steps[name]) for name in view.order())


def _callee(step: Step) -> str:
    return step.call.name if isinstance(step.call, (Call, External)) else ""
