"""StepActions.

Source: `pkg/apis/pipeline/v1beta1/stepaction_validation.go`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from couler_plugins.documents import Path
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.lint.parameters import (
    check_arrays,
    check_declared,
    check_names,
    check_unique,
    check_usage,
    check_variable,
    declared,
    step_texts,
)
from couler_tekton.lint.results import check_results
from couler_tekton.lint.steps import check_program
from couler_tekton.lint.texts import mentions

__all__ = ["check_step_action"]

Mapped = dict[str, Any]
TEXTS = partial(step_texts, keys=("image", "script"), of_mounts=("name",))
"""The texts of a StepAction that parameters may stand in."""


def check_step_action(spec: Mapped, path: Path, report: Report) -> None:
    """A StepAction: it declares all that it uses, and its script uses no parameters."""
    params = declared(spec.get("params") or (), (*path, "params"))
    check_program(spec, path, report)
    script = spec.get("script") or ""
    if mentions(script, "params"):
        message = "the script of a StepAction reads a parameter"
        report.error("script-params", (*path, "script"), message, "pass it by an environment variable")
    steps = [(spec, path)]
    check_usage(steps, params, report, TEXTS)
    check_declared([param._replace(enum=()) for param in params], report)
    check_unique(params, report)
    check_names(params, report)
    check_arrays(steps, params, report, TEXTS)
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
