"""What Argo cannot say: checked for everything that lowering has to write, by the table of capabilities."""

from __future__ import annotations

import re

from couler_argo.capabilities import REFUSED
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Callable, Graph, Step, Workflow

__all__ = ["check_callable", "check_step", "check_workflow"]

NAME = re.compile(r"[A-Za-z0-9][-A-Za-z0-9]*\Z")
PORT = re.compile(r"[-A-Za-z0-9_]+\Z")
MAX_NAME = 128


def check_workflow(workflow: Workflow) -> None:
    """Raises `Unsupported` where the workflow itself has something that Argo cannot say."""
    if workflow.entry is not None:
        check_step(workflow.entry, "the entrypoint")
        if workflow.entry.arguments:
            raise _refusal("Workflow.entry", workflow.label, "gets its arguments from the workflow's own")


def check_callable(item: Callable) -> None:
    """Raises `Unsupported` where a template has something that Argo cannot say."""
    _check_fields(item, item.name)
    if not item.inline:
        _check_name(item.name)
    for name in (*(port.name for port in item.inputs), *(output.name for output in item.outputs)):
        if not PORT.match(name):
            raise _refusal("Port.name", item.name, f"has a port {name!r}: letters, digits, - and _ only")
    if isinstance(item, Graph) and item.stages is not None:
        listed = sorted(name for stage in item.stages for name in stage)
        if listed != sorted(step.name for step in item.steps):
            raise _refusal("Graph.stages", item.name, "has steps that are in no stage, or in several")
        for step in item.steps:
            if step.needs is not None:
                raise _refusal("Step.needs", f"{item.name}/{step.name}", "runs in a stage, and cannot need others")


def check_step(step: Step, shown: str = "") -> None:
    """Raises `Unsupported` where a call site has something that Argo cannot say."""
    _check_fields(step, shown or step.name)
    if not shown:
        _check_name(step.name)
    loop = step.loop
    if loop is not None and (loop.combine in ("product", "zip") or len(loop.axes) != 1 or loop.limit or loop.includes):
        raise _refusal("Step.loop", step.name, "loops over more than one list, or with a limit or includes")


def _check_fields(node: Step | Callable, shown: str) -> None:
    for feature, (name, default) in REFUSED.items():
        if feature.split(".")[0] == type(node).__name__ and getattr(node, name) != default:
            raise _refusal(feature, shown, f"has a {name}, which Argo has no place for")


def _check_name(name: str) -> None:
    if not NAME.match(name) or len(name) > MAX_NAME:
        raise _refusal("Step.name", name, f"is no name for Argo: letters, digits and -, at most {MAX_NAME}")


def _refusal(feature: str, step: str, reason: str) -> Unsupported:
    return Unsupported(
        f"{step!r} {reason}", engine="argo", step=step, feature=feature, hint="leave this to an engine that has it"
    )
