"""Variables in expressions: Argo evaluates them when it runs, and where one is missing the text stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_argo.lint.report import Report
from couler_argo.lint.run import calls_of
from couler_argo.references import expression, value
from couler_plugins.documents import Path
from couler_plugins.ir import ANY_STEP, Expression, Reference, Template

__all__ = ["check_expressions"]

Mapping = dict[str, Any]
BARE = ("expression", "fromExpression")
"""Fields that hold an expression without braces around it."""


def check_expressions(template: Mapping, path: Path, where: str, report: Report) -> None:
    """References in a template's expressions to inputs and steps that it does not have; inline ones are left aside."""
    steps = [str(call.get("name", "")) for call, _ in calls_of(template, path)]
    inputs = {
        (kind, item.get("name", ""))
        for kind, plural in (("parameter", "parameters"), ("artifact", "artifacts"))
        for item in template.get("inputs", {}).get(plural, ())
    }
    names = set(steps)
    for reference, place in _references(template, path):
        if reference.to == "input" and reference.name and (reference.kind, reference.name) not in inputs:
            hint = report.meant(reference.name, [name for _, name in inputs], "declare it in the template's inputs")
            message = f"{where}: an expression reads {reference.native}, which is no input of it"
            report.warning("unresolved-reference", place, message, hint)
        elif reference.step and reference.step != ANY_STEP and reference.step not in names:
            if reference.step == "name":  # the name of the node itself
                continue
            hint = report.meant(reference.step, steps, "correct the name")
            message = f"{where}: an expression reads {reference.native}, and there is no step {reference.step!r}"
            report.warning("unresolved-reference", place, message, hint)


def _references(data: Any, path: Path, bare: bool = False) -> Iterator[tuple[Reference, Path]]:
    if isinstance(data, str):
        if bare or "{{=" in data:
            yield from ((found, path) for found in _inside(expression(data) if bare else value(data)))
    elif isinstance(data, dict):
        for key, content in data.items():
            if key != "inline":
                yield from _references(content, (*path, key), key in BARE)
    elif isinstance(data, list):
        for number, item in enumerate(data):
            yield from _references(item, (*path, number))


def _inside(part: Any, in_expression: bool = False) -> Iterator[Reference]:
    if isinstance(part, Reference):
        if in_expression:
            yield part
    elif isinstance(part, (Expression, Template)):
        for inner in part.parts:
            yield from _inside(inner, isinstance(part, Expression))
