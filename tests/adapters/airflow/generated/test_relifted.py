"""A generated DAG, lifted again, is the graph that it was made from: the same steps, and what each accepts of them."""

from __future__ import annotations

import pytest

from adapters.airflow.generated.corpus import Written, corpus, loaded
from couler_airflow.lift import lift_dag
from couler_plugins.ir import (
    AnyOf,
    Call,
    Graph,
    Need,
    Operation,
    Step,
    Workflow,
    callables,
    conjuncts,
    needed,
    references,
)
from support import at_least, sampled

pytestmark = pytest.mark.airflow
Accepted = dict[str, dict[str, frozenset[str]]]


def entry_graph(workflow: Workflow) -> Graph | None:
    """The graph that a workflow starts with, where it calls operations and nothing else."""
    by_name = callables(workflow)
    call = workflow.entry.call if workflow.entry else None
    graph = by_name.get(call.name) if isinstance(call, Call) else None
    if not isinstance(graph, Graph) or graph.stages is not None or workflow.handlers:
        return None
    callees = [by_name.get(step.call.name) for step in graph.steps if isinstance(step.call, Call)]
    return graph if all(isinstance(callee, Operation) for callee in callees) else None


def accepted(graph: Graph) -> Accepted:
    """For each step, what it accepts of each other, of what that can end with; errors are failures."""
    steps = {step.name: step for step in graph.steps}
    return {step.name: {need.step: _accepted(need, steps[need.step]) for need in _needs(step)} for step in graph.steps}


def _needs(step: Step) -> list[Need]:
    return [part for part in conjuncts(step.needs) if isinstance(part, Need)]


def _accepted(need: Need, before: Step) -> frozenset[str]:
    possible = {"succeeded", "failed"}
    possible |= {"skipped"} if before.condition is not None or any(references(before.loop)) else set()
    possible |= {"omitted"} if before.needs is not None else set()
    outcomes = {"failed" if outcome == "errored" else outcome for outcome in need.outcomes}
    return frozenset(outcomes & possible)


FLAT = [item for item in corpus() if item.source and entry_graph(item.workflow) is not None]


@pytest.mark.parametrize("written", sampled(pytest.param(item, id=item.name) for item in FLAT))
def test_the_graph_is_there_again(written: Written) -> None:
    graph = entry_graph(written.workflow)
    assert graph is not None
    again = lift_dag(loaded(written.source), 0).graphs[0]
    before, after = accepted(graph), accepted(again)
    if before.keys() != {step.name for step in again.steps}:
        return  # there are tasks in between
    assert not any(isinstance(part, AnyOf) for step in graph.steps for part in conjuncts(step.needs))
    assert {need.step for step in again.steps for need in needed(step.needs)} <= before.keys()
    if not any(step.condition is not None for step in graph.steps):  # a hook skips, which is not lifted
        assert after == before


def test_there_are_graphs_to_compare() -> None:
    assert len(FLAT) >= at_least(4, 9)
