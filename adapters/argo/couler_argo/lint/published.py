"""What others can refer to of a step or task."""

from __future__ import annotations

from couler_argo.lint.calls import Resolved
from couler_argo.lint.run import Run, Scope

__all__ = ["publish"]

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
