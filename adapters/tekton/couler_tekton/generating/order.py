"""What steps of a graph wait for, and what of a step or a graph Tekton has no place for."""

from __future__ import annotations

from collections.abc import Mapping

from couler_plugins.engine_kit.legalize.limits import is_reachable
from couler_plugins.engine_kit.legalize.native_fields import beyond
from couler_plugins.ir import Graph, GraphView, Need, Operation, Step, conjuncts
from couler_tekton.generating.refusing import refuse

__all__ = ["check_graph", "check_step", "ordered"]


FINE = frozenset({"succeeded", "skipped"})
GRAPH = ("retry", "timeout", "memoized", "locks", "metrics", "finalizers", "regions", "targets", "native_extra")


def ordered(graph: Graph) -> list[tuple[Step, dict[str, frozenset[str]]]]:
    """The steps of a graph in order, each with the steps before it and the outcomes that it accepts of them."""
    steps = {step.name: step for step in graph.steps}
    if graph.stages is not None:
        tasks_before: list[tuple[Step, dict[str, frozenset[str]]]] = []
        before: dict[str, frozenset[str]] = {}
        for stage in filter(None, graph.stages):
            tasks_before += [(steps[name], before) for name in stage]
            before = {name: FINE | frozenset(steps[name].tolerates) for name in stage}
        return tasks_before
    try:
        order = GraphView(graph).order()
    except ValueError as error:
        raise refuse("Step.needs", graph.name, f"cannot be put in an order: {error}") from error
    return [(steps[name], _accepted(steps[name])) for name in order]


def _accepted(step: Step) -> dict[str, frozenset[str]]:
    outcomes_of: dict[str, frozenset[str]] = {}
    for part in conjuncts(step.needs):
        if not isinstance(part, Need):
            raise refuse("Step.needs", step.name, "needs one or the other, or that something is not so")
        outcomes = frozenset(part.outcomes) - {"daemoned"}
        outcomes_of[part.step] = outcomes_of.get(part.step, outcomes) & outcomes
    return outcomes_of


def check_step(step: Step, callee: Graph | Operation) -> None:
    """Raises `Unsupported` where a call has what no task of a pipeline has."""
    for field_name, reason in {
        "handlers": "has hooks, or an exit handler of its own",
        "directives": "is to be cached or tuned",
        "native_extra": beyond(step.native_extra),
    }.items():
        if getattr(step, field_name):
            raise refuse(f"Step.{field_name}", step.name, reason)
    if step.role != "normal":
        raise refuse("Step.role", step.name, f"is a {step.role}")
    if isinstance(callee, Graph):
        for field_name in ("loop", "retry", "timeout", "tolerates"):
            if getattr(step, field_name):
                reason = f"calls the graph {callee.name!r}, and has a {field_name}"
                raise refuse(f"Step.{field_name}", step.name, reason, "say it of the steps in it")


def check_graph(graph: Graph, callees: Mapping[str, Graph | Operation]) -> None:
    """Raises `Unsupported` where a graph has what only a whole pipeline has, or none.

    Args:
        graph: the graph.
        callees: the graphs and operations of the workflow by name.
    """
    if is_reachable(graph, callees):
        reason = "limits how many of its steps run at a time"
        raise refuse("Graph.parallelism", graph.name, reason, "leave that to a quota of the namespace")
    for name in GRAPH:
        if getattr(graph, name):
            raise refuse(f"Graph.{name}", graph.name, f"has {name} as a whole")
