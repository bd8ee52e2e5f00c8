"""Workspaces: the volumes behind them, as a run binds them, and by the names of those that use them.

Source: `docs/workspaces.md`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from couler_plugins.documents.mappings import by_key
from couler_plugins.engine_kit.legalize.passes import as_label
from couler_plugins.engine_kit.legalize.values import fields, together
from couler_plugins.ir import Graph, Literal, Operation, Reference, Step, Workflow, callables, references
from couler_tekton.portable.contents import Look, Text, resolve
from couler_tekton.portable.values import said

WORKSPACE = "/workspace"
NEW = "volumeClaimTemplate"
CLAIM = "persistentVolumeClaim"
MARKED = "\ue002workspace"
"""What a volume is called that the run has to have, until it is known how many tasks use it."""


def volumes_of(workflow: Workflow) -> dict[str, Any]:
    """Return the volumes behind the workspaces of a run, by name; a claim for those that it does not bind."""
    run = fields(workflow.native_extra).get("spec", {}) if workflow.kind.endswith("Run") else {}
    items = run.get("workspaces", []) if isinstance(run, dict) else []
    volumes = {str(item.get("name", "")): {key: item[key] for key in item if key != "name"} for item in items}
    top = callables(workflow)[getattr(workflow.entry and workflow.entry.call, "name", "")]
    for item in said(top).get("workspaces", []):
        name = item.get("name", "")
        if name not in volumes and not item.get("optional"):
            volumes[name] = {CLAIM: {"claimName": as_label(name) or "workspace"}, MARKED: "unbound"}
    for name, volume in volumes.items():
        if NEW in volume and not volume.keys() - {NEW, "subPath"}:
            claim = {CLAIM: {"claimName": as_label(f"{workflow.name or workflow.prefix}-{name}")}, MARKED: "new"}
            volumes[name] = {**{key: volume[key] for key in volume if key != NEW}, **claim}
    return volumes


def inner_bindings(step: Step, callee: Graph | Operation, volumes: Mapping[str, Any], look: Look) -> dict[str, Any]:
    """Return what the workspaces of a callee are bound to, by its own names for them."""
    passed = {item.get("name"): item for item in fields(step.native_extra).get("workspaces", [])}
    names = [item.get("name", "") for item in said(callee).get("workspaces", [])]
    if callee.inline:  # it sees those around it
        names += [item.name for item in references(callee) if item.to == "workspace" and item.name not in names]
    bound = {}
    for name in dict.fromkeys(names):
        item = passed.get(name, {})
        outer = item.get("workspace") or name
        if outer not in volumes:
            continue
        volume = dict(volumes[outer])
        if "subPath" in item:
            inner = resolve(
                item["subPath"] if isinstance(item["subPath"], Text) else Literal(value=item["subPath"]), look
            )
            before = (volume["subPath"], "/") if "subPath" in volume else ()
            path = together((*before, inner if isinstance(inner, Text) else item["subPath"]))
            volume["subPath"] = path.value if isinstance(path, Literal) else path
        bound[name] = volume
    return bound


def mount_path(reference: Reference, callee: Graph | Operation) -> Literal | None:
    """Return where a Task finds a workspace that its caller speaks of; None where something else is read."""
    declared = {item.get("name"): item for item in said(callee).get("workspaces", [])}
    if reference.to != "workspace" or reference.path != ("path",) or reference.name not in declared:
        return None
    path = declared[reference.name].get("mountPath") or f"{WORKSPACE}/{reference.name}"
    return Literal(value=path) if isinstance(callee, Operation) else None


def share_volumes(bindings: Mapping[str, Mapping[str, Any]], workflow: Workflow) -> Iterator[tuple[str, str]]:
    """Make up which volumes tasks share; yield a claim that has to be there, and why, for each.

    A new claim of one task is as good as an empty directory; it is yielded as one that is `alone`.
    """
    looped = {getattr(step.call, "name", "") for graph in workflow.graphs for step in graph.steps if step.loop}
    numbers = {operation.name: 2 if operation.name in looped else 1 for operation in workflow.operations}
    pairs = ((name, volume) for name, bound in bindings.items() for volume in bound.values() if MARKED in volume)
    for claim, uses in by_key((volume[CLAIM]["claimName"], (name, volume)) for name, volume in pairs).items():
        number, kind = sum(numbers.get(name, 0) for name, _ in uses), uses[-1][1][MARKED]
        is_alone = number < 2 and kind == "new"
        for _, volume in uses:
            del volume[MARKED]
            if is_alone:
                volume["emptyDir"] = {}
                del volume[CLAIM]
        if is_alone or number:
            yield claim, "alone" if is_alone else kind
