"""What steps of a graph wait for, and what of a step KFP has no place for."""

from __future__ import annotations

from couler_kfp.generating.refusing import refuse
from couler_plugins.engine_kit.legalize.native_fields import beyond
from couler_plugins.ir import Graph, Need, Needs, Operation, Step, conjuncts

__all__ = ["check_step", "waits_of"]


FINE = frozenset({"succeeded", "skipped", "omitted"})


def waits_of(graph: Graph) -> dict[str, list[str]]:
    """The steps that each step of a graph waits for, by name."""
    steps = {step.name: step for step in graph.steps}
    if graph.stages is not None:
        waits: dict[str, list[str]] = {}
        before: tuple[str, ...] = ()
        for stage in filter(None, graph.stages):
            for name in stage:
                waits[name] = [_checked_wait(steps[other], FINE, name) for other in before]
            before = stage
        return waits
    return {step.name: [_need(need, step, steps) for need in conjuncts(step.needs)] for step in graph.steps}


def _need(need: Needs, step: Step, steps: dict[str, Step]) -> str:
    if not isinstance(need, Need) or need.step not in steps:
        raise refuse("Step.needs", step.name, "needs one or the other, or that something is not so")
    return _checked_wait(steps[need.step], frozenset(need.outcomes) - {"daemoned"}, step.name)


def _checked_wait(before: Step, outcomes: frozenset[str], name: str) -> str:
    if before.tolerates:
        raise refuse("Step.tolerates", before.name, f"may fail, and {name!r} starts all the same")
    if "succeeded" not in outcomes or outcomes - FINE:
        raise refuse("Step.needs", name, f"starts after a failure of {before.name!r}")
    if before.condition is not None and "skipped" in outcomes:
        raise refuse("Step.needs", name, f"starts also where {before.name!r} was skipped, which KFP does not")
    return before.name


def check_step(step: Step, callee: Graph | Operation) -> None:
    """Raises `Unsupported` where a call has what no task of KFP has."""
    for name, reason in {
        "handlers": "has hooks, or an exit handler of its own",
        "directives": "is to be cached or tuned",
        "native_extra": beyond(step.native_extra),
        "timeout": "has a timeout, which only a platform of KFP knows",
        "tolerates": "may fail without failing the rest",
    }.items():
        if getattr(step, name):
            raise refuse(f"Step.{name}", step.name, reason)
    if step.role != "normal":
        raise refuse("Step.role", step.name, f"is a {step.role}")
    if isinstance(callee, Graph) and step.retry is not None:
        raise refuse("Step.retry", step.name, f"retries the graph {callee.name!r}", "retry the steps in it")
