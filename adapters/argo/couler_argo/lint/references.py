"""Variables in a part of a template that Argo cannot resolve there."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from couler_argo.lint.report import Report
from couler_argo.lint.run import Scope
from couler_plugins.documents import Path

__all__ = ["check_references"]

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
