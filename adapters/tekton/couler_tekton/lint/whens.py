"""When expressions, of tasks and of steps.

Source: `pkg/apis/pipeline/v1/when_validation.go`. CEL is looked at by Tekton's own compiler only.
"""

from __future__ import annotations

from typing import Any

from couler_plugins.documents import Path
from couler_plugins.engine_kit.reporting import Report

OPERATORS = ("in", "notin")


def check_whens(holder: dict[str, Any], path: Path, report: Report) -> None:
    """The `when` of a task or a step."""
    for number, item in enumerate(holder.get("when") or ()):
        _check(item, (*path, "when", number), report)


def _check(item: dict[str, Any], path: Path, report: Report) -> None:
    if item.get("cel"):
        if item.get("input") or item.get("operator") or item.get("values"):
            message, hint = "cel stands beside input, operator or values", "keep one of the two"
            report.error("when", path, message, hint)
        return
    operator = item.get("operator") or ""
    if operator not in OPERATORS:
        message = f"the operator {operator!r} does not exist" if operator else "it has no operator"
        report.error("when", path, message, "use in or notin")
    elif not item.get("values"):
        report.error("when", path, "it has no values", "list what the input may be, or may not be")
