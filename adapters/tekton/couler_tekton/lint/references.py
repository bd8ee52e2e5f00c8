"""References to Tasks, Pipelines and StepActions, and lists that hold each name once.

Source: `validateRef` in `container_validation.go`, `validateNoDuplicateNames` in `taskrun_validation.go`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from couler_plugins.documents import Path
from couler_tekton.feature_gates import URL
from couler_tekton.lint.names import is_qualified
from couler_tekton.lint.report import Report

__all__ = ["check_once", "check_reference"]


def check_reference(reference: dict[str, Any], path: Path, report: Report) -> None:
    """What a `taskRef`, `pipelineRef` or `ref` says."""
    name, resolver = reference.get("name") or "", reference.get("resolver") or ""
    params = reference.get("params")
    if resolver or params is not None:
        if params is not None:
            if name:
                report.error("reference", path, "a name stands beside the params of a resolver", "keep one of the two")
            if not resolver:
                report.error("reference", path, "params without a resolver", "name the resolver")
            check_once(params, (*path, "params"), "parameters", report)
        if resolver and name and not URL.search(name):
            message = f"{name!r} is no URL, and stands beside a resolver"
            report.error("reference", (*path, "name"), message, "pass it among the params of the resolver")
    elif name and URL.search(name):
        report.error("reference", path, f"{name!r} is a URL, and needs a resolver", "name the resolver")
    elif name and not is_qualified(name):
        report.error("invalid-name", (*path, "name"), f"{name!r} is no name for an object", "correct the name")
    elif not name:
        report.error("reference", path, "it names nothing", "give it a name, or a resolver")


def check_once(items: Iterable[dict[str, Any]] | None, path: Path, what: str, report: Report) -> None:
    """That no two things of a list have one name, whatever its case."""
    seen: set[str] = set()
    for number, item in enumerate(items or ()):
        name = (item.get("name") or "").lower()
        if name in seen:
            report.error("duplicate-name", (*path, number), f"two {what} are called {name!r}", "keep one of them")
        seen.add(name)
