"""Carries out edits of example DAGs, and holds what comes of it to what was expected."""

from __future__ import annotations

from functools import cache
from typing import Any

from adapters.airflow.closure import closed
from adapters.airflow.examples import each_dag, lifted, loaded
from couler_airflow.bundle import DagBundle, snapshot
from couler_airflow.lift import lift_dag
from couler_airflow.lower import commit
from couler_plugins.documents import diff
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Graph,
    Step,
    Workflow,
    replace_steps,
)
from couler_plugins.plan import Plan
from documents.judge import apply, exactly

__all__ = ["carried_out", "first", "held", "refused", "serialized", "task_in", "with_step", "workflows"]


@cache
def workflows() -> tuple[tuple[DagBundle, Plan, Workflow, int], ...]:
    """Return the workflow of every example DAG, with its plan and its number there."""
    plans = [(bundle, lifted(bundle)) for bundle in loaded()]
    return tuple((bundle, plan, item, number) for bundle, plan in plans for number, item in enumerate(plan.workflows))


def with_step(workflow: Workflow, step: Step) -> Workflow:
    return replace_steps(workflow, {(workflow.graphs[0].name, step.name): step})


def task_in(data: dict[str, Any], name: str) -> dict[str, Any]:
    """What Airflow serializes of a task; of a mapped one, what the edit goes to."""
    fields: dict[str, Any] = next(item["__var"] for item in data["dag"]["tasks"] if item["__var"]["task_id"] == name)
    return fields["partial_kwargs"] if fields.get("_is_mapped") else fields


def held(dag: Any) -> dict[str, tuple[dict[str, Any], ...]]:
    """What the operators of a DAG hold, and what they were made with."""
    inner = ("_BaseOperator__init_kwargs", "partial_kwargs")
    return {
        name: (vars(task).copy(), *(dict(getattr(task, where, {})) for where in inner))
        for name, task in dag.task_dict.items()
    }


def carried_out(bundle: DagBundle, plan: Plan, old: Workflow, new: Workflow, expected: dict[str, Any]) -> None:
    """Carries out an edit: the DAG is `expected` then, the edits are just that, and undone all is as it was."""
    assert old.source
    number = int(old.source[0])
    dag, before = bundle.live[number].dag, bundle.documents[number].data
    parts = held(dag)
    done = commit(plan.with_workflow(old, new))
    try:
        assert not done.lowered.refused, done.lowered.refused
        after = snapshot(dag)
        assert exactly(after, expected), [(item.after or item.before, item.new) for item in diff(expected, after)]
        assert exactly(apply(before, [item.edit for item in done.lowered.edits]), after)
        assert closed(lift_dag(dag, number)) == closed(new)
        assert list(dag.task_dict.values()) == list(bundle.live[number].operators)
    finally:
        done.undo()
    assert exactly(snapshot(dag), before)
    assert held(dag) == parts


def refused(bundle: DagBundle, plan: Plan, old: Workflow, new: Workflow, match: str) -> None:
    """An edit is refused for a reason, and all DAGs of the file are as they were."""
    before = [snapshot(live.dag) for live in bundle.live]
    parts = [held(live.dag) for live in bundle.live]
    done = commit(plan.with_workflow(old, new))
    (error,) = done.lowered.refused.values()
    assert isinstance(error, Unsupported)
    assert match in str(error)
    assert error.feature
    assert error.hint
    assert error.file
    assert (done.lowered.changed, done.lowered.edits) == ({}, ())
    assert all(exactly(snapshot(live.dag), data) for live, data in zip(bundle.live, before, strict=True))
    assert [held(live.dag) for live in bundle.live] == parts
    assert not any(live.spent for live in bundle.live)


def serialized(data: dict[str, Any], name: str) -> dict[str, Any]:
    fields: dict[str, Any] = next(item["__var"] for item in data["dag"]["tasks"] if item["__var"]["task_id"] == name)
    return fields


def first(dag_id: str) -> tuple[DagBundle, Plan, Workflow, Graph]:
    bundle, number, _ = next(item for item in each_dag() if item[2].dag_id == dag_id)
    plan = lifted(bundle)
    return bundle, plan, plan.workflows[number], plan.workflows[number].graphs[0]
