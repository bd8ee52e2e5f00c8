"""StepActions.

Source: `pkg/apis/pipeline/v1beta1/stepaction_validation.go`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_plugins.documents import Path
from couler_tekton.lint.parameters import (
    check_arrays,
    check_declared,
    check_names,
    check_unique,
    check_usage,
    check_variable,
    declared,
)
from couler_tekton.lint.report import Report
from couler_tekton.lint.results import check_results
from couler_tekton.lint.steps import check_program
from couler_tekton.lint.texts import mentions

__all__ = ["check_step_action"]

Mapped = dict[str, Any]


def check_step_action(spec: Mapped, path: Path, report: Report) -> None:
    """A StepAction: it declares all that it uses, and its script uses no parameters."""
    params = declared(spec.get("params") or (), (*path, "params"))
    check_program(spec, path, report)
    script = spec.get("script") or ""
    if mentions(script, "params"):
        message = "the script of a StepAction reads a parameter"
        report.error("script-params", (*path, "script"), message, "pass it by an environment variable")
    steps = [(spec, path)]
    check_usage(steps, params, report, _texts)
    check_declared([param._replace(enum=()) for param in params], report)
    check_unique(params, report)
    check_names(params, report)
    check_arrays(steps, params, report, _texts)
    names = {result.get("name") or "" for result in spec.get("results") or ()}
    for prefix in ("step.results", "results"):
        check_variable(script, (*path, "script"), prefix, names, report, "result")
    check_results(spec, path, report)
    existing = {param.name for param in params}
    for number, mount in enumerate(spec.get("volumeMounts") or ()):
        name, place = mount.get("name") or "", (*path, "volumeMounts", number, "name")
        if mentions(name, "params") != [name]:
            message = f"{name!r} is not the name of a volume that its user chooses"
            report.error("volume-mount", place, message, "write $(params.NAME)")
            return
        check_variable(name, place, "params", existing, report)


def _texts(step: Mapped, path: Path) -> Iterator[tuple[str, Path, bool]]:
    for key in ("image", "script"):
        yield step.get(key) or "", (*path, key), False
    for key in ("command", "args"):
        for number, word in enumerate(step.get(key) or ()):
            yield word or "", (*path, key, number), True
    for number, variable in enumerate(step.get("env") or ()):
        yield variable.get("value") or "", (*path, "env", number, "value"), False
    for number, mount in enumerate(step.get("volumeMounts") or ()):
        yield mount.get("name") or "", (*path, "volumeMounts", number, "name"), False
