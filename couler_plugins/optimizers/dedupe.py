"""Identical operations become one, so that a manifest shrinks before anything else looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import ClassVar

from couler_plugins.hookspecs import Context
from couler_plugins.ir import (
    Directive,
    Dynamic,
    Operation,
    Workflow,
    call_sites,
    calls_by_callee,
    redirect_calls,
    remove_callables,
    replace,
    without_origin,
)
from couler_plugins.optimizers.prune import check_names
from couler_plugins.options.rows import Row, matches
from couler_plugins.plan import Decision, Plan

OF_CALLS = frozenset({"allow", "never", "pure", "ttl"})
"""What rows say of single calls; all else is about what they call."""
READERS = ("cache", "guard", "queue", "rightsize")
"""The optimizers whose rows name what they are about."""
_PATTERN = frozenset("*?[")
"""What makes a pattern of a name."""


@dataclass(frozen=True)
class Dedupe:
    """Merge operations that are the same in everything but their name.

    Kept apart are operations that others can call by name (all of a library, and all of a workflow that chooses a
    callee at run time), that take locks or report metrics (both may tell them apart by name), that are written inline,
    that nothing calls, those whose call sites carry different directives, and those of which rows of the settings say
    different things to `cache`, `guard`, `queue` or `rightsize`.

    Attributes:
        keep: names to keep apart as well, or patterns of such names (`report-*`).
    """

    name: ClassVar[str] = "dedupe"
    before: ClassVar[tuple[str, ...]] = ("fuse", "rightsize", "guard")

    keep: tuple[str, ...] = ()

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Redirects every call of a duplicate to the first of its kind, and removes the duplicate.

        Raises:
            InvalidInput: a name to keep is in no workflow, so that what it should keep would be merged.
        """
        # A pattern may stand in the settings of a project, where not every file has a name that it matches.
        check_names(self.name, [name for name in self.keep if not _PATTERN.intersection(name)], plan)
        for workflow in plan.workflows:
            merged = duplicates(workflow, self.keep, [row for name in READERS for row in ctx.rows(name)])
            if merged:
                targets = {operation.name: kept for operation, kept in merged}
                smaller = remove_callables(redirect_calls(workflow, targets), targets)
                plan = plan.with_workflow(workflow, smaller, *_decisions(workflow, merged))
        return plan


def duplicates(workflow: Workflow, keep: tuple[str, ...] = (), rows: Sequence[Row] = ()) -> list[tuple[Operation, str]]:
    """The operations that can go, each with the name of the one that stays in its place.

    The first in the source stays. Linear in the size of the workflow.

    Args:
        workflow: the workflow.
        keep: names, or patterns of names, of operations that stay.
        rows: what the settings say of operations by name, or by the steps that call them.
    """
    if workflow.library:
        return []
    if any(isinstance(site.step.call, Dynamic) for site in call_sites(workflow)):
        return []
    calls = calls_by_callee(workflow)
    first: dict[tuple[Operation, frozenset[tuple[Directive, ...]], tuple[bool, ...]], str] = {}
    merged = []
    for operation in workflow.operations:
        named = operation.inline or operation.locks is not None or operation.metrics is not None
        if named or operation.name not in calls or any(fnmatchcase(operation.name, name) for name in keep):
            continue
        inputs = tuple(sorted(operation.inputs, key=lambda port: (port.kind, port.name)))
        outputs = tuple(sorted(operation.outputs, key=lambda output: (output.kind, output.name)))
        bare = replace(operation, name="", inputs=inputs, outputs=outputs)
        sites = calls[operation.name]
        steps = [name for graph, step in sites for name in (step.name, f"{graph.name if graph else ''}/{step.name}")]
        key = (bare, frozenset(site.step.directives for site in sites), _said(rows, operation.name, steps))
        kept = first.setdefault(key, operation.name)
        if kept != operation.name:
            merged.append((operation, kept))
    return merged


def _said(rows: Sequence[Row], name: str, steps: Sequence[str]) -> tuple[bool, ...]:
    """Which rows are about an operation: by its name, which some engines write a prefix before, or by its callers."""
    names = (name, name.partition("-")[2])
    by_name = (matches(row, "task", [one]) for row in rows if "task" in row.patterns for one in names)
    by_step = (matches(row, "step", steps) for row in rows if "step" in row.patterns and not {*row.content} <= OF_CALLS)
    return (*by_name, *by_step)


def _decisions(workflow: Workflow, merged: list[tuple[Operation, str]]) -> list[Decision]:
    import msgspec

    callers = {
        name: [f"{graph.name}/{step.name}" if graph else "" for graph, step in sites]
        for name, sites in calls_by_callee(workflow).items()
    }
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
