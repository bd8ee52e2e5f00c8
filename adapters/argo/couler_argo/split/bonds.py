"""What only Argo has that holds tasks together when their DAG is cut, beside what the IR knows.

Sources: Argo's docs on volumes and artifacts; how parts are run: `couler_argo.split.parts` and
`couler_argo.split.crossing`.
What keeps a workflow from being cut into workflows at all is in `couler_argo.split.detachable`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_argo.codec import Context
from couler_argo.split.call_graph import calls_elsewhere, reached
from couler_argo.split.crossing import place_of
from couler_argo.split.part_spec import name_of, spec_of
from couler_argo.templates import OPERATION
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Bond,
    Dynamic,
    Graph,
    Operation,
    Reference,
    Workflow,
    callables,
    inline_callees,
    references,
    replace,
)

__all__ = ["argo_bonds", "claims_of", "mounts"]


def argo_bonds(workflow: Workflow, entry: Graph) -> list[Bond]:
    """What holds tasks of the DAG together, beside what the IR knows.

    Raises:
        Unsupported: the DAG cannot be cut, whatever stays together.
    """
    by_name = callables(workflow)
    reason = ""
    if entry.name in reached(by_name, entry.steps):
        reason = f"{entry.name!r} calls itself"
    elif any(isinstance(step.call, Dynamic) for step in entry.steps):
        reason = "a task chooses its template at run time"
    if reason:
        raise Unsupported(
            f"{workflow.label} cannot be split: {reason}",
            engine="argo",
            step=entry.name,
            hint="split that part of it by hand",
        )
    return [*_sharing(workflow, entry), *_kept(entry, by_name)]


def claims_of(workflow: Workflow) -> set[str]:
    """The volumes that a workflow gets for each of its runs."""
    return {name_of(claim) for claim in spec_of(workflow).get("volumeClaimTemplates", ())}


def mounts(item: Graph | Operation) -> set[str]:
    """The volumes that a template mounts."""
    return (
        set(_mounted(OPERATION.write(replace(item, directives=()), Context())))
        if isinstance(item, Operation)
        else set()
    )


def _mounted(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for key, content in data.items():
            if key == "volumeMounts" and isinstance(content, list):
                yield from (str(mount["name"]) for mount in content if isinstance(mount, dict) and "name" in mount)
            else:
                yield from _mounted(content)
    elif isinstance(data, list):
        for content in data:
            yield from _mounted(content)


def _sharing(workflow: Workflow, entry: Graph) -> Iterator[Bond]:
    """Tasks that use one volume claim of the run."""
    claims = claims_of(workflow)
    if not claims:
        return
    by_name = callables(workflow)
    mounted = {item.name: claims.intersection(mounts(item)) for item in by_name.values()}
    users: dict[str, list[str]] = {}
    for step in entry.steps:
        used = set().union(*(mounted[name] for name in reached(by_name, [step])))
        # What a template elsewhere mounts is not to be seen here.
        for claim in sorted(claims if calls_elsewhere(by_name, [step]) else used):
            users.setdefault(claim, []).append(step.name)
    for claim, names in users.items():
        if len(names) > 1:
            yield Bond(tuple(names), f"they share the volume claim {claim!r}")


def _kept(entry: Graph, by_name: dict[str, Graph | Operation]) -> Iterator[Bond]:
    """Tasks that read an artifact which could not be found from elsewhere."""
    existing: dict[Reference, str] = {}
    names = {step.name for step in entry.steps}
    for step in entry.steps:
        for reference in references((step, inline_callees(step, by_name))):
            if reference.to == "output" and reference.kind == "artifact" and reference.name and reference.step in names:
                core = replace(reference, path=(), native="")
                if core not in existing:
                    place = place_of(by_name, entry, core)
                    existing[core] = place if isinstance(place, str) else ""
                if existing[core] and step.name != core.step:
                    yield Bond((step.name, core.step), f"the artifact {core.name!r} of {core.step!r}: {existing[core]}")
