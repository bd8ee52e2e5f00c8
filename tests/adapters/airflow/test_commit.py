"""Carrying out a plan: once, whole or not at all, every edit traced to its decision."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.airflow.editing import first, refused, with_step, workflows
from adapters.airflow.examples import lifted, loaded
from couler_airflow.bundle import snapshot
from couler_airflow.lower import commit
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import (
    Literal,
    Retry,
    replace,
)
from couler_plugins.plan import Decision

pytestmark = pytest.mark.airflow


def test_a_plan_is_carried_out_once() -> None:
    _bundle, plan, workflow, graph = first("example_bash_operator")
    new = with_step(workflow, replace(graph.steps[0], timeout=Literal(value=5)))
    changed = plan.with_workflow(workflow, new)
    done = commit(changed)
    try:
        again = commit(changed)
        (error,) = again.lowered.refused.values()
        assert isinstance(error, InvalidInput)
        assert "already" in str(error)
        assert commit(plan).lowered.refused == {}
    finally:
        done.undo()
    commit(changed).undo()


def test_the_first_failure_restores_the_other_dags_of_the_file() -> None:
    bundle = next(bundle for bundle in loaded() if len(bundle.live) > 2)
    plan = lifted(bundle)
    before = [snapshot(live.dag) for live in bundle.live]
    good, bad = plan.workflows[0], plan.workflows[-1]
    plan = plan.with_workflow(good, replace(good, graphs=(replace(good.graphs[0], timeout=Literal(value=9)),)))
    plan = plan.with_workflow(bad, replace(bad, name="other"))
    done = commit(plan)
    assert list(done.lowered.refused) == [0]
    assert done.lowered.changed == {}
    assert [snapshot(live.dag) for live in bundle.live] == before
    assert not any(live.spent for live in bundle.live)


def test_edits_are_traced_to_the_decisions_behind_them() -> None:
    _bundle, plan, workflow, graph = first("example_bash_operator")
    name = f"{graph.name}/{graph.steps[0].name}"
    why = Decision(optimizer="me", workflow=workflow.label, subject=name, action="bound it", reason="it hangs")
    new = with_step(workflow, replace(graph.steps[0], timeout=Literal(value=5)))
    done = commit(plan.with_workflow(workflow, new, why))
    done.undo()
    (edit,) = done.lowered.edits
    assert (edit.subject, edit.decision) == (name, 0)
    assert edit.edit.after == ("dag", "tasks", 0, "__var", "execution_timeout")


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "1", None])
def test_values_that_airflow_cannot_hold_are_refused(value: Any) -> None:
    bundle, plan, workflow, graph = first("example_bash_operator")
    step = graph.steps[0]
    for new in (replace(step, retry=Retry(limit=Literal(value=value))), replace(step, timeout=Literal(value=value))):
        refused(bundle, plan, workflow, with_step(workflow, new), "cannot be changed so")


def test_attributes_that_nobody_has_heard_of_stay() -> None:
    for bundle, plan, workflow, number in list(workflows())[::5]:
        dag = bundle.live[number].dag
        unknown = {name: object() for name in dag.task_dict}
        for name, task in dag.task_dict.items():
            task.__dict__["x_unknown"] = unknown[name]
        dag.__dict__["x_unknown"] = unknown
        steps = tuple(replace(step, timeout=Literal(value=9)) for step in workflow.graphs[0].steps)
        graph = replace(workflow.graphs[0], steps=steps)
        done = commit(plan.with_workflow(workflow, replace(workflow, graphs=(graph,))))
        assert not done.lowered.refused
        for _ in range(2):
            assert dag.x_unknown is unknown
            assert all(task.x_unknown is unknown[name] for name, task in dag.task_dict.items())
            done.undo()
        for item in (dag, *dag.task_dict.values()):
            del item.__dict__["x_unknown"]
