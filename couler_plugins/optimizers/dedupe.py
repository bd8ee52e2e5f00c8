"""Identical operations become one, so that a manifest shrinks before anything else looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar

from couler_plugins.hookspecs import Context
from couler_plugins.ir import (
    Call,
    Directive,
    Dynamic,
    Operation,
    Workflow,
    call_sites,
    redirect_calls,
    remove_callables,
    replace,
    without_origin,
)
from couler_plugins.optimizers.prune import check_names
from couler_plugins.plan import Decision, Plan

_PATTERN = frozenset("*?[")
"""What makes a pattern of a name."""


@dataclass(frozen=True)
class Dedupe:
    """Merge operations that are the same in everything but their name.

    Kept apart are operations that others can call by name (all of a library, and all of a workflow that chooses a
    callee at run time), that take locks or report metrics (both may tell them apart by name), that are written inline,
    that nothing calls, and those whose call sites carry different directives.

    Attributes:
        keep: names to keep apart as well, or patterns of such names (`report-*`).
    """

    name: ClassVar[str] = "dedupe"

    keep: tuple[str, ...] = ()

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Redirects every call of a duplicate to the first of its kind, and removes the duplicate.

        Raises:
            InvalidInput: a name to keep is in no workflow, so that what it should keep would be merged.
        """
        # A pattern may stand in the settings of a project, where not every file has a name that it matches.
        check_names(self.name, [name for name in self.keep if not _PATTERN.intersection(name)], plan)
        for workflow in plan.workflows:
            merged = duplicates(workflow, self.keep)
            if merged:
                targets = {operation.name: kept for operation, kept in merged}
                smaller = remove_callables(redirect_calls(workflow, targets), targets)
                plan = plan.with_workflow(workflow, smaller, *_decisions(workflow, merged))
        return plan


def duplicates(workflow: Workflow, keep: tuple[str, ...] = ()) -> list[tuple[Operation, str]]:
    """The operations that can go, each with the name of the one that stays in its place.

    The first in the source stays. Linear in the size of the workflow.
    """
    if workflow.library:
        return []
    directives: dict[str, set[tuple[Directive, ...]]] = {}
    for site in call_sites(workflow):
        call = site.step.call
        if isinstance(call, Dynamic):
            return []
        if isinstance(call, Call):
            directives.setdefault(call.name, set()).add(site.step.directives)
    first: dict[tuple[Operation, frozenset[tuple[Directive, ...]]], str] = {}
    merged = []
    for operation in workflow.operations:
        named = operation.inline or operation.locks is not None or operation.metrics is not None
        if named or operation.name not in directives or any(fnmatchcase(operation.name, name) for name in keep):
            continue
        inputs = tuple(sorted(operation.inputs, key=lambda port: (port.kind, port.name)))
        outputs = tuple(sorted(operation.outputs, key=lambda output: (output.kind, output.name)))
        key = (replace(operation, name="", inputs=inputs, outputs=outputs), frozenset(directives[operation.name]))
        kept = first.setdefault(key, operation.name)
        if kept != operation.name:
            merged.append((operation, kept))
    return merged


def _decisions(workflow: Workflow, merged: list[tuple[Operation, str]]) -> list[Decision]:
    import msgspec

    callers: dict[str, list[str]] = {}
    for site in call_sites(workflow):
        if isinstance(site.step.call, Call):
            place = f"{site.graph.name}/{site.step.name}" if site.graph else ""
            callers.setdefault(site.step.call.name, []).append(place)
    return [
        Decision(
            optimizer=Dedupe.name,
            workflow=workflow.label,
            subject=operation.name,
            action=f"merge into {kept}",
            reason=f"it does exactly what {kept} does",
            figures=(
                ("bytes", len(msgspec.json.encode(without_origin(operation)))),
                ("call sites", len(callers[operation.name])),
            ),
            affects=tuple(dict.fromkeys(callers[operation.name])),
        )
        for operation, kept in merged
    ]
