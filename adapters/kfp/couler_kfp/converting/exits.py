"""Tasks that run whatever became of another one, as handlers of that one: its failure then still fails the pipeline.

KFP's own compiler makes exit hooks of them (`argocompiler/dag.go`), so nothing can wait for them there either.
"""

from __future__ import annotations

from couler_kfp.converting.refusing import refuse
from couler_kfp.tasks import COMPLETED
from couler_plugins.ir import Graph, Handler, Need, Step, needed, references, replace

__all__ = ["with_handlers"]

EXIT = "exit"


def with_handlers(graph: Graph) -> Graph:
    """The graph with such tasks as handlers.

    Raises:
        Unsupported: one waits for several tasks, or another one needs it, or it is more than a call.
    """
    last = {step.name: step for step in graph.steps if any(need.outcomes == COMPLETED for need in needed(step.needs))}
    if not last:
        return graph
    _check(graph, last)
    by_upstream: dict[str, Step] = {}
    for step in last.values():
        (need,) = needed(step.needs)
        if need.step in by_upstream:
            raise _refusal(step, f"is the second that runs at the end of {need.step!r}")
        by_upstream[need.step] = step
    kept = tuple(
        replace(step, handlers=(_handler(by_upstream[step.name]),)) if step.name in by_upstream else step
        for step in graph.steps
        if step.name not in last
    )
    return replace(graph, steps=kept)


def _check(graph: Graph, last: dict[str, Step]) -> None:
    looped = {step.name for step in graph.steps if step.loop is not None}
    for step in last.values():
        if any(need.step in looped for need in needed(step.needs)):
            raise _refusal(step, "runs at the end of a loop, and elsewhere it would do so for each item")
        if not isinstance(step.needs, Need) or step.needs.step in last:
            raise _refusal(step, "waits for the end of several tasks")
        if step.condition is not None or step.loop is not None or step.retry is not None:
            raise _refusal(step, "runs at the end of another, and has a condition, a loop or further attempts")
        if any(item.step for item in references(step.arguments)):
            raise _refusal(step, "runs at the end of another, and reads what tasks give")
    for step in graph.steps:
        read = {need.step for need in needed(step.needs)} | {item.step for item in references(step)}
        if common := sorted(read & last.keys()):
            raise _refusal(last[common[0]], f"runs at the end of another, and {step.name!r} needs it")
    if common := sorted({item.step for item in references(graph.outputs)} & last.keys()):
        raise _refusal(last[common[0]], "runs at the end of another, and gives an output")


def _handler(step: Step) -> Handler:
    return Handler(step=replace(step, name=EXIT, needs=None), event="exit")


def _refusal(step: Step, reason: str) -> Exception:
    return refuse("Step.needs", step.name, reason, "let it need the success of the task before it")
