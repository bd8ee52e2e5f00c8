"""References to Tasks, Pipelines and StepActions, and lists that hold each name once.

Source: `validateRef` in `container_validation.go`, `validateNoDuplicateNames` in `taskrun_validation.go`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from couler_plugins.documents import Path
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.feature_gates import URL
from couler_tekton.lint.names import is_qualified

__all__ = ["check_bound_once", "check_once", "check_reference", "repeats"]

Mapped = dict[str, Any]
RENAME = "rename one of them"


def check_reference(reference: Mapped, path: Path, report: Report) -> None:
    """What a `taskRef`, `pipelineRef` or `ref` says."""
    name, resolver = reference.get("name") or "", reference.get("resolver") or ""
    params = reference.get("params")
    if resolver or params is not None:
        if params is not None:
            if name:
                report.error("reference", path, "a name stands beside the params of a resolver", "keep one of the two")
            if not resolver:
                report.error("reference", path, "params without a resolver", "name the resolver")
            check_once(params, (*path, "params"), "parameters", report, fold=True)
        if resolver and name and not URL.search(name):
            message = f"{name!r} is no URL, and stands beside a resolver"
            report.error("reference", (*path, "name"), message, "pass it among the params of the resolver")
    elif name and URL.search(name):
        report.error("reference", path, f"{name!r} is a URL, and needs a resolver", "name the resolver")
    elif name and not is_qualified(name):
        report.error("invalid-name", (*path, "name"), f"{name!r} is no name for an object", "correct the name")
    elif not name:
        report.error("reference", path, "it names nothing", "give it a name, or a resolver")


def repeats(names: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The names in a list that stand before in it as well, with their numbers."""
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            yield number, name
        seen.add(name)


def check_once(
    items: Iterable[Mapped] | None,
    path: Path,
    what: str,
    report: Report,
    hint: str = "keep one of them",
    *,
    fold: bool = False,
) -> None:
    """That no two things of a list have one name; `fold` where names that differ in case are one."""
    names = (str(item.get("name") or "") for item in items or ())
    for number, name in repeats(map(str.lower, names) if fold else names):
        report.error("duplicate-name", (*path, number), f"two {what} are called {name!r}", hint)


def check_bound_once(bindings: Iterable[Mapped] | None, path: Path, report: Report) -> None:
    """That no workspace is given twice."""
    for number, name in repeats(binding.get("name") or "" for binding in bindings or ()):
        report.error("duplicate-name", (*path, number), f"the workspace {name!r} is given twice", "keep one of them")
