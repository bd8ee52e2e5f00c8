"""Results that tasks and steps declare.

Source: `pkg/apis/pipeline/v1/result_validation.go`.
"""

from __future__ import annotations

import re
from typing import Any

from couler_plugins.documents import Path
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.lint.names import is_label, is_result_name
from couler_tekton.lint.parameters import value_type

__all__ = ["check_results"]

FROM_STEP = re.compile(r"\$\(steps\.(.*?)\.results\.(.*?)\)")


def check_results(holder: dict[str, Any], path: Path, report: Report) -> None:
    """The results of a task, a step or a StepAction."""
    for number, result in enumerate(holder.get("results") or ()):
        _check(result, (*path, "results", number), report)


def _check(result: dict[str, Any], path: Path, report: Report) -> None:
    name, keys = result.get("name") or "", result.get("properties")
    if not is_result_name(name):
        hint = "use letters, digits, -, _ and ., and begin and end with a letter or digit"
        report.error("invalid-name", (*path, "name"), f"{name!r} is no name for a result", hint)
        return
    kind = result.get("type") or ("object" if keys is not None else "string")
    if kind not in ("string", "array", "object"):
        report.error("result-type", (*path, "type"), f"{name!r} has the type {kind!r}", "use string, array or object")
    if kind == "object":
        if keys is None:
            hint = "declare its keys under properties"
            report.error("result-type", path, f"the object {name!r} has no properties", hint)
        for key, content in (keys or {}).items():
            if ((content or {}).get("type") or "string") != "string":
                place = (*path, "properties", key)
                report.error("result-type", place, f"the key {key!r} of {name!r} is no string", "use string")
    if result.get("value") is not None:
        _check_value(result["value"], name, (*path, "value"), report)


def _check_value(value: Any, name: str, path: Path, report: Report) -> None:
    """The value of a task's result: what one of its steps found."""
    hint = "write $(steps.STEP.results.RESULT)"
    if value_type(value) != "string":
        report.error("result-value", path, f"the value of {name!r} is no text", hint)
        return
    text = value if isinstance(value, str) else str(value)
    match = FROM_STEP.search(text)
    if text and match is None:
        report.error("result-value", path, f"the value of {name!r} is no result of a step", hint)
    elif match is not None and not (is_label(match[1]) and is_result_name(match[2])):
        report.error("result-value", path, f"the value of {name!r} names no step, or no result", hint)
