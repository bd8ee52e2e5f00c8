"""The root of a pipeline as the IR's rules for cutting have to see it, and the parts of that as they are to be.

Two things mean less in KFP than they do in the IR. An optional input that nobody gives is missing in the same way in a
part, which has that input under its name. And a loop over nothing has succeeded for those that wait for it: it is a dag
of its own in the workflow that the backend makes (`argocompiler/dag.go`), whose only task was skipped.
"""

from __future__ import annotations

from couler_kfp.pipelines import ROOT
from couler_plugins.ir import (
    Axis,
    Expression,
    Graph,
    Literal,
    Loop,
    Reference,
    Step,
    Workflow,
    callables,
    replace,
    replace_callables,
)

__all__ = ["as_it_was", "plain_root"]

HIDDEN = "couler-hidden"
"""Stands, with its position, for the argument that a loop takes its items from."""


def plain_root(workflow: Workflow) -> Workflow:
    """The workflow with no optional input of its root, and with loops there whose items are hidden."""
    root = callables(workflow)[ROOT]
    assert isinstance(root, Graph)
    inputs = tuple(replace(port, optional=False) for port in root.inputs)
    steps = tuple(_hidden(step) for step in root.steps)
    return replace_callables(workflow, {ROOT: replace(root, inputs=inputs, steps=steps)})


def _hidden(step: Step) -> Step:
    """The step with a constant in place of its loop's items, where those are one of its arguments."""
    if step.loop is None or len(step.loop.axes) != 1:
        return step
    (axis,) = step.loop.axes
    at = next((at for at, item in enumerate(step.arguments) if item.value == axis.values), None)
    if at is None or not isinstance(axis.values, Reference):
        return step
    return _with_items(step, step.loop, replace(axis, values=Literal(value=f"{HIDDEN}-{at}")))


def as_it_was(graph: Graph, root: Graph) -> Graph:
    """A graph whose steps loop over the arguments that they looped over, and whose conditions name those that they did.

    Args:
        graph: some steps of a root, moved.
        root: that root, before anything was hidden in it.
    """
    before = {step.name: step for step in root.steps}
    return replace(graph, steps=tuple(_shown(_spelled(step, before[step.name])) for step in graph.steps))


def _spelled(step: Step, before: Step) -> Step:
    """The step with the inputs named in its condition that were named there: several may be given the same value."""
    match step.condition, before.condition:
        case Expression(parts=parts), Expression(parts=old) if len(parts) == len(old):
            named = tuple(
                replace(part, native=was.native) if isinstance(part, Reference) and isinstance(was, Reference) else part
                for part, was in zip(parts, old, strict=True)
            )
            return replace(step, condition=replace(step.condition, parts=named))
    return step


def _shown(step: Step) -> Step:
    if step.loop is None:
        return step
    (axis,) = step.loop.axes
    match axis.values:
        case Literal(value=str(text)) if text.startswith(HIDDEN):
            value = step.arguments[int(text.rpartition("-")[2])].value
            return _with_items(step, step.loop, replace(axis, values=value))
    return step


def _with_items(step: Step, loop: Loop, axis: Axis) -> Step:
    return replace(step, loop=replace(loop, axes=(axis,)))
