"""Past and present runs, from the status that Argo's controller writes into a Workflow (`argo get -o json`).

A node of the status is one attempt at one template, a group of them, or a retry of several
(https://pkg.go.dev/github.com/argoproj/argo-workflows/v4/pkg/apis/workflow/v1alpha1#NodeStatus).
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from couler_argo.codec import Mapped
from couler_plugins.caching.keys import digest
from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Fate, Ran, Run

__all__ = ["family_of", "nodes_of", "run_of"]

LIMIT = 256 * 1024**2
"""Bytes that compressed nodes may take once they are unpacked."""

FATES: dict[str, Fate] = {
    "Succeeded": "computed",
    "Failed": "failed",
    "Error": "failed",
    "Skipped": "skipped",
    "Omitted": "skipped",
}
ATTEMPTS = ("Pod", "HTTP", "Plugin")
LEAVES = (*ATTEMPTS, "Skipped", "Suspend")


def run_of(manifest: Mapped) -> Run | None:
    """The run that a Workflow's status tells of; None where it has not started.

    The parents of a step are the nearest steps before it. Sizes are known of parameters only: Argo does not record
    those of artifacts. What a step is by itself are its template and the values of its parameters.

    Raises:
        InvalidInput: the status cannot be read.
    """
    try:
        nodes = nodes_of(manifest)
        return _Status(manifest, nodes).run() if nodes else None
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        name = manifest.get("metadata", {}).get("name", "(unnamed)")
        message = f"the status of the workflow {name} is not what Argo writes ({type(error).__name__}: {error})"
        raise InvalidInput(message, engine="argo", hint="take it from `argo get -o json` or `kubectl get`") from error


def family_of(manifest: Mapped) -> str:
    """The name that all runs of a workflow share: its template's, its schedule's, or its own without what is random."""
    metadata, spec = manifest.get("metadata") or {}, manifest.get("spec") or {}
    labels = metadata.get("labels") or {}
    return str(
        (spec.get("workflowTemplateRef") or {}).get("name")
        or labels.get("workflows.argoproj.io/cron-workflow")
        or str(metadata.get("generateName", "")).rstrip("-.")
        or metadata.get("name", "")
    )


def nodes_of(manifest: Mapped) -> Mapping[str, Mapped]:
    """The nodes of a Workflow's status by their ids; none where there is no status, or it is kept elsewhere.

    Raises:
        InvalidInput: compressed nodes cannot be unpacked.
    """
    status = manifest.get("status") or {}
    compressed = status.get("compressedNodes")
    if not compressed:
        return status.get("nodes") or {}
    try:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        text = unpacker.decompress(base64.b64decode(compressed), LIMIT)
        nodes: Any = json.loads(text)
    except (binascii.Error, TypeError, ValueError, zlib.error) as error:
        message = f"the workflow's compressedNodes cannot be read ({error})"
        raise InvalidInput(message, engine="argo", hint="`argo get -o json` gives them unpacked") from error
    return nodes if isinstance(nodes, dict) else {}


class _Status:
    """The nodes of one run, looked at as a graph of steps."""

    def __init__(self, manifest: Mapped, nodes: Mapping[str, Mapped]) -> None:
        self._manifest = manifest
        self._nodes = nodes
        retries = [node for node in nodes.values() if node.get("type") == "Retry"]
        attempts = {child for node in retries for child in node.get("children") or ()}
        self._leaves = {
            ident: node
            for ident, node in nodes.items()
            if ident not in attempts and (node.get("type") in LEAVES or self._attempts(node))
        }
        self._nearest: dict[tuple[str, ...], list[str]] = {}
        self._before: dict[str, list[str]] = {ident: [] for ident in nodes}
        for ident, node in nodes.items():
            for child in node.get("children") or ():
                if child in self._before and ident != child:
                    self._before[child].append(ident)

    def run(self) -> Run:
        """The run, its steps in a topological order, by their ends where that leaves a choice."""
        order: list[str] = []
        parents: dict[str, list[str]] = {}
        for ident in self._by_end():
            self._visit(ident, parents, order)
        position = {ident: number for number, ident in enumerate(order)}
        steps: list[Ran] = []
        for ident in order:
            before = tuple(sorted(position[parent] for parent in parents[ident]))
            if before and before[-1] >= len(steps):
                raise ValueError(f"{ident} comes after itself")
            steps.append(self._ran(self._leaves[ident], before, tuple(steps[number].key for number in before)))
        status = self._manifest.get("status") or {}
        ended = status.get("finishedAt") or max(str(node.get("finishedAt") or "") for node in self._nodes.values())
        return Run(family=family_of(self._manifest), steps=tuple(steps), at=_seconds(ended) or 0.0)

    def _by_end(self) -> Iterator[str]:
        last = "9999"  # what goes on ends after everything that has ended
        return iter(sorted(self._leaves, key=lambda ident: (str(self._leaves[ident].get("finishedAt") or last), ident)))

    def _visit(self, ident: str, parents: dict[str, list[str]], order: list[str]) -> None:
        """Puts a step into the order, after its parents; without recursion, since chains are as long as workflows."""
        stack = [(ident, False)]
        while stack:
            current, done = stack.pop()
            if done:
                order.append(current)
            elif current not in parents:
                parents[current] = self._parents(current)
                stack.append((current, True))
                stack += [(parent, False) for parent in parents[current] if parent not in parents]

    def _parents(self, ident: str) -> list[str]:
        """The nearest steps before a step, through the groups, graphs and retries between them.

        All steps of a group have the same: they are looked up once.
        """
        before = tuple(self._before[ident])
        if before not in self._nearest:
            self._nearest[before] = sorted(self._found_before(before))
        return [parent for parent in self._nearest[before] if parent != ident]

    def _found_before(self, before: tuple[str, ...]) -> set[str]:
        found: set[str] = set()
        seen: set[str] = set()
        stack = list(before)
        while stack:
            current = stack.pop()
            if current in seen:
                continue
            seen.add(current)
            owner = self._owner(current)
            if owner is not None:
                found.add(owner)
            else:
                stack += self._before[current]
        return found

    def _owner(self, ident: str) -> str | None:
        """The step that a node is, or is an attempt of; None for a group."""
        if ident in self._leaves:
            return ident
        if self._nodes[ident].get("type") in ATTEMPTS:
            return next((before for before in self._before[ident] if before in self._leaves), None)
        return None

    def _ran(self, node: Mapped, parents: tuple[int, ...], keys: tuple[str, ...]) -> Ran:
        tries = self._attempts(node)
        last = tries[-1] if tries else node
        template = self._template(node)
        parameters = (last.get("inputs") or {}).get("parameters") or []
        spec = digest([template, sorted([str(item["name"]), str(item.get("value"))] for item in parameters)])
        memo = last.get("memoizationStatus") or {}
        fate = "loaded" if memo.get("hit") else FATES.get(str(node.get("phase")), "pending")
        started, ended = _seconds(last.get("startedAt")), _seconds(last.get("finishedAt"))
        known = fate == "computed" and started is not None and ended is not None and started <= ended
        return Ran(
            step=self._name(node),
            site=self._site(node),
            type=_template_name(node),
            spec=spec,
            key=str(memo.get("key") or "") or digest([spec, *keys]),
            parents=parents,
            seconds=ended - started if known and started is not None and ended is not None else None,
            bytes=_bytes(last.get("outputs")) if fate in ("computed", "loaded") else None,
            attempts=max(1, len(tries)),
            fate=fate,
        )

    def _attempts(self, node: Mapped) -> list[Mapped]:
        """The attempts of a retried step; none for anything else, and for a graph that is retried as a whole."""
        children = node.get("children") or () if node.get("type") == "Retry" else ()
        tries = [self._nodes[child] for child in children if child in self._nodes]
        return tries if all(child.get("type") in ATTEMPTS for child in tries) else []

    def _name(self, node: Mapped) -> str:
        """`graph/step`, with the item of a loop in parentheses, after the name of the step that the graph belongs to.

        The graph of the entry belongs to none; what no graph holds has the template's name.
        """
        around = self._nodes.get(str(node.get("boundaryID", "")))
        if around is None:
            return _template_name(node) or str(node.get("displayName", ""))
        outer = f"{self._name(around)}/" if around.get("boundaryID") in self._nodes else ""
        return f"{outer}{_template_name(around)}/{node.get('displayName') or node.get('name') or ''}"

    def _site(self, node: Mapped) -> str:
        """`graph/step`, where the step's name has more to it."""
        around = self._nodes.get(str(node.get("boundaryID", "")))
        if around is None:
            return ""
        return f"{_template_name(around)}/{str(node.get('displayName') or '').partition('(')[0]}"

    def _template(self, node: Mapped) -> Any:
        """The template that a node ran, as far as the workflow holds it."""
        name = node.get("templateName")
        status, spec = self._manifest.get("status") or {}, self._manifest.get("spec") or {}
        stored = status.get("storedWorkflowTemplateSpec") or {}
        for item in [*(spec.get("templates") or []), *(stored.get("templates") or [])]:
            if item.get("name") == name:
                return item
        ref = node.get("templateRef") or {}
        ending = f"/{ref.get('name')}/{ref.get('template')}" if ref else f"/{name}"
        for key, item in sorted((status.get("storedTemplates") or {}).items()):
            if str(key).endswith(ending):
                return item
        return [name, ref]


def _template_name(node: Mapped) -> str:
    return str(node.get("templateName") or (node.get("templateRef") or {}).get("template") or "")


def _bytes(outputs: Mapped | None) -> int | None:
    """The bytes of a node's parameters and printed result; None where it made artifacts as well."""
    if not outputs:
        return 0
    if outputs.get("artifacts"):
        return None
    values = [item.get("value") for item in outputs.get("parameters") or ()]
    return sum(len(str(value).encode()) for value in [*values, outputs.get("result")] if value is not None)


def _seconds(text: object) -> float | None:
    """Seconds since 1970 of a time as Kubernetes writes it; None where there is none."""
    if not text:
        return None
    return datetime.fromisoformat(str(text)).timestamp()
