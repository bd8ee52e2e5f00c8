"""References that Argo cannot resolve in a part of a template, and what others can refer to of a step."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from couler_argo.lint.calls import Resolved
from couler_argo.lint.report import Report
from couler_argo.lint.run import Run, Scope
from couler_plugins.documents import Path

MANY = 1000
"""Of so many variables it would take too long to find the one that was meant."""

DECLARE = "declare it in spec.arguments.parameters, also if `argo submit -p` gives its value"
REASONS = {
    "inputs": "there is no such input",
    "steps": "no step before it has that",
    "tasks": "no task has that",
    "item": "the items have no such field",
    "pod": "only templates with a pod have it",
    "workflow": "the workflow has no such variable",
}


def check_references(
    tags: Iterable[tuple[str, Path]],
    scope: Scope,
    where: str,
    report: Report,
    beside: Collection[str] = (),
    any_item: bool = False,
) -> None:
    """Says which tags of a part of a template cannot be resolved.

    Args:
        tags: all tags in it that are left when what is known is filled in, each with its place.
        scope: what can be referred to there.
        where: the part, to begin a message with.
        report: gets what is wrong.
        beside: further variables that can be referred to.
        any_item: whether an item may have any field.
    """
    for tag, place in tags:
        if not scope.knows(tag, beside, any_item):
            root = tag.split(".", 1)[0]
            names = {*scope.names, *beside, *scope.run.variables} if len(scope.names) < MANY else ()
            near = sorted(name for name in names if name.startswith(f"{root}."))
            remedy = DECLARE if tag.startswith("workflow.parameters.") else "correct it, or declare what it refers to"
            hint = report.meant(tag, near, remedy)
            message = f"{where}{{{{{tag}}}}} cannot be resolved: {REASONS[root]}"
            report.error("unresolved-reference", place, message, hint)


WITH_RESULT = ("container", "script", "data", "http", "plugin")


def publish(run: Run, resolved: Resolved, prefix: str, scope: Scope, gathered: bool = False) -> None:
    """Makes a step's outputs known, and the global ones among them.

    Args:
        run: the checks.
        resolved: what the step calls.
        prefix: the step, as references spell it (`steps.a`).
        scope: gets the variables.
        gathered: whether the step loops, so that its outputs are there as lists.
    """
    if not resolved.is_known:
        scope.open.add(prefix)
        return
    scope.names.update(f"{prefix}.{name}" for name in ("id", "startedAt", "finishedAt", "hostNodeName"))
    if resolved.callee is None:
        return
    template = resolved.callee.template
    if template.get("daemon"):
        scope.names.add(f"{prefix}.ip")
    containers = template.get("containerSet", {}).get("containers", ())
    main = any(container.get("name") == "main" for container in containers)
    if main or any(kind in template for kind in WITH_RESULT):
        scope.names.update((f"{prefix}.outputs.result", f"{prefix}.exitCode"))
    outputs = template.get("outputs", {})
    for plural in ("parameters", "artifacts"):
        scope.names.update(f"{prefix}.outputs.{plural}.{port.get('name', '')}" for port in outputs.get(plural, ()))
    run.publish(outputs, scope)
    if gathered:
        scope.names.add(f"{prefix}.outputs.parameters")
        if "script" in template or "containerSet" in template:
            scope.names.update((f"{prefix}.outputs.result", f"{prefix}.exitCode"))
