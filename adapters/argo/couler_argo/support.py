"""What Argo cannot say: checked for everything that lowering has to write."""

from __future__ import annotations

import re

from couler_plugins.errors import Unsupported
from couler_plugins.ir import Callable, Graph, Literal, Native, Step, Value

NAME = re.compile(r"[A-Za-z0-9][-A-Za-z0-9]*\Z")
PORT = re.compile(r"([-A-Za-z0-9_]|\{\{[^{}]*\}\})+\Z")
"""Letters, digits, - and _, and tags: Argo completes the names of global outputs, too."""
MAX_NAME = 128


def check_callable(item: Callable) -> None:
    """Raises `Unsupported` where a template has something that Argo cannot say."""
    if not item.inline:
        _check_name(item.name)
    for name in (*(port.name for port in item.inputs), *(output.name for output in item.outputs)):
        if not PORT.match(name):
            raise _refusal("Port.name", item.name, f"has a port {name!r}: letters, digits, - and _ only")
    if isinstance(item, Graph) and item.stages is not None:
        for feature, holds in (("Graph.targets", item.targets), ("Graph.fail_fast", item.fail_fast is not None)):
            if holds:
                raise _refusal(feature, item.name, "runs in stages; only a dag can have that")
        listed = sorted(name for stage in item.stages for name in stage)
        if listed != sorted(step.name for step in item.steps):
            raise _refusal("Graph.stages", item.name, "has steps that are in no stage, or in several")
        for step in item.steps:
            if step.needs is not None:
                raise _refusal("Step.needs", f"{item.name}/{step.name}", "runs in a stage, and cannot need others")


def check_step(step: Step) -> None:
    """Raises `Unsupported` where a call site has something that Argo cannot say."""
    _check_name(step.name)
    loop = step.loop
    if loop is None:
        return
    if loop.combine in ("product", "zip"):
        raise _refusal("Loop.combine", step.name, "loops over several lists")
    if loop.limit is not None or loop.includes:
        raise _refusal("Loop.limit" if loop.limit else "Loop.includes", step.name, "loops with a limit or more items")
    if len(loop.axes) != 1 or loop.axes[0].name != "item" or not _can_loop(loop.axes[0].values, loop.combine):
        raise _refusal("Loop.axes", step.name, "does not loop over one list (not empty), or one sequence, of items")


def _can_loop(values: Value, combine: str) -> bool:
    """Whether these are the items of `withItems` or `withParam`, or a `withSequence`."""
    if not isinstance(values, Native):
        return combine == "rows" and not (isinstance(values, Literal) and not isinstance(values.value, str))
    text = str(values.parts[0])
    return text.startswith("[") and values.parts != ("[]",) if combine == "rows" else text.startswith("{")


def _check_name(name: str) -> None:
    if not NAME.match(name) or len(name) > MAX_NAME:
        raise _refusal("Step.name", name, f"is no name for Argo: letters, digits and -, at most {MAX_NAME}")


def _refusal(feature: str, step: str, reason: str) -> Unsupported:
    return Unsupported(
        f"{step!r} {reason}", engine="argo", step=step, feature=feature, hint="leave this to an engine that has it"
    )
