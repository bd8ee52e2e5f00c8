"""Edits of typed fields: the serialized DAG changes by just what is expected, and undoing leaves no trace."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.airflow.examples import each_dag, lifted, loaded
from couler_airflow.bundle import DagBundle, snapshot
from couler_airflow.lift import lift_dag
from couler_airflow.lower import commit
from couler_airflow.marks import Declaration
from couler_airflow.trigger_rules import RULES, needs_of
from couler_airflow.wrapped import CACHE, Owner
from couler_plugins.documents import diff
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.ir import (
    Graph,
    Literal,
    Need,
    Retry,
    Step,
    Workflow,
    all_of,
    needed,
    replace,
    replace_steps,
    with_directive,
)
from couler_plugins.plan import Decision, Plan
from documents.judge import apply, exactly

pytestmark = [pytest.mark.airflow, pytest.mark.filterwarnings("ignore")]


def workflows() -> Iterator[tuple[DagBundle, Plan, Workflow, int]]:
    for bundle in loaded():
        plan = lifted(bundle)
        for number, workflow in enumerate(plan.workflows):
            yield bundle, plan, workflow, number


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
        assert lift_dag(dag, number) == new
        assert list(dag.task_dict.values()) == list(bundle.live[number].operators)
    finally:
        done.undo()
    assert exactly(snapshot(dag), before)
    assert held(dag) == parts


def test_retries_and_timeouts() -> None:
    tried = mapped = 0
    for bundle, plan, workflow, number in workflows():
        new, expected = workflow, copy.deepcopy(bundle.documents[number].data)
        for step in workflow.graphs[0].steps:
            new = with_step(new, replace(step, retry=Retry(limit=Literal(value=7)), timeout=Literal(value=90)))
            timeout: Any = 90.0 if step.loop is None else {"__type": "timedelta", "__var": 90.0}
            task_in(expected, step.name).update(retries=7, execution_timeout=timeout)
            tried += 1
            mapped += step.loop is not None
        carried_out(bundle, plan, workflow, new, expected)
    assert tried >= 420
    assert mapped >= 5


def test_a_retry_can_be_taken_away() -> None:
    tried = 0
    for bundle, plan, workflow, number in workflows():
        for step in workflow.graphs[0].steps:
            if step.retry is not None:
                expected = copy.deepcopy(bundle.documents[number].data)
                fields = task_in(expected, step.name)
                fields.pop("retries")
                if fields is not next(
                    i["__var"] for i in expected["dag"]["tasks"] if i["__var"]["task_id"] == step.name
                ):
                    fields["retries"] = 0
                carried_out(bundle, plan, workflow, with_step(workflow, replace(step, retry=None)), expected)
                tried += 1
    assert tried >= 3


def test_the_fields_of_the_dag() -> None:
    tried = 0
    for bundle, plan, workflow, number in workflows():
        graph = replace(workflow.graphs[0], parallelism=Literal(value=3), timeout=Literal(value=0.5))
        expected = copy.deepcopy(bundle.documents[number].data)
        expected["dag"].update(max_active_tasks=3, dagrun_timeout=0.5)
        carried_out(bundle, plan, workflow, replace(workflow, graphs=(graph,)), expected)
        tried += 1
    assert tried >= 114


def test_failing_fast_goes_with_the_default_trigger_rule_only() -> None:
    counts = {True: 0, False: 0}
    for bundle, plan, workflow, number in workflows():
        new = replace(workflow, graphs=(replace(workflow.graphs[0], fail_fast=True),))
        rules = {str(task.trigger_rule.value) for task in bundle.live[number].dag.tasks}
        if rules <= {"all_success"}:
            expected = copy.deepcopy(bundle.documents[number].data)
            expected["dag"]["fail_fast"] = True
            carried_out(bundle, plan, workflow, new, expected)
        else:
            refused(bundle, plan, workflow, new, "fails fast")
        counts[rules <= {"all_success"}] += 1
    assert min(counts.values()) >= 5


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


def test_requests_to_cache() -> None:
    """Airflow serializes the same; what is wrapped, a mapped operator's class included, is unwrapped by undoing."""
    asked = mapped = 0
    for bundle, plan, workflow, number in workflows():
        dag, owner = bundle.live[number].dag, Owner(bundle.live[number].dag)
        names = [name for name, task in dag.task_dict.items() if owner.objection(task, Declaration()) is None]
        new, expected = workflow, copy.deepcopy(bundle.documents[number].data)
        classes = {name: dag.task_dict[name].operator_class for name in names}
        for step in workflow.graphs[0].steps:
            if step.name in names:
                new = with_step(new, with_directive(step, CACHE))
                mapped += step.loop is not None
        if names:
            expected["couler"] = {"cache": names}
            carried_out(bundle, plan, workflow, new, expected)
            assert all(dag.task_dict[name].operator_class is cls for name, cls in classes.items())
            asked += len(names)
    assert asked >= 100
    assert mapped >= 3


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


@pytest.mark.parametrize("rule", sorted(RULES))
def test_trigger_rules(rule: str) -> None:
    """Every task that waits for others waits by another rule; Airflow's own words for it are all that changes."""
    written = {"all_done_setup_success": "all_done"}.get(rule, rule)  # without a setup these are the same
    tried = 0
    for bundle, plan, workflow, number in workflows():
        dag = bundle.live[number].dag
        new, expected = workflow, copy.deepcopy(bundle.documents[number].data)
        for step in workflow.graphs[0].steps:
            task = dag.task_dict[step.name]
            upstream = {need.step for need in needed(step.needs)}
            framed = step.role == "teardown" or any(dag.task_dict[name].is_setup for name in upstream)
            if not upstream or framed or task.trigger_rule == written:
                continue
            new = with_step(new, replace(step, needs=needs_of(rule, upstream, ())))
            fields = task_in(expected, step.name)
            fields["trigger_rule"] = written
            if written == "all_success" and not task.is_mapped:
                del fields["trigger_rule"]
            tried += 1
        if new is not workflow and rule != "always":
            carried_out(bundle, plan, workflow, new, expected)
    assert tried >= 10


def test_edges_come() -> None:
    added = 0
    for bundle, plan, workflow, number in workflows():
        dag, steps = bundle.live[number].dag, workflow.graphs[0].steps
        for before, step in itertools.pairwise(steps):
            names = {need.step for need in needed(step.needs)}
            plain = dag.task_dict[step.name].trigger_rule == "all_success" and before.role == step.role == "normal"
            ancestors = {item.task_id for item in dag.task_dict[before.name].get_flat_relatives(upstream=True)}
            if plain and before.name not in names and step.name not in ancestors:
                new = replace(step, needs=all_of([Need(step=name) for name in sorted({*names, before.name})]))
                expected = copy.deepcopy(bundle.documents[number].data)
                downstream = serialized(expected, before.name).setdefault("downstream_task_ids", [])
                downstream.append(step.name)
                downstream.sort()
                carried_out(bundle, plan, workflow, with_step(workflow, new), expected)
                added += 1
                break
    assert added >= 25


def test_edges_go_unless_something_else_depends_on_them() -> None:
    removed = labelled = 0
    refusals = dict.fromkeys(("it reads what", "arrow of the group"), 0)
    for bundle, plan, workflow, number in workflows():
        dag = bundle.live[number].dag
        edges = [(step, need.step) for step in workflow.graphs[0].steps for need in needed(step.needs)]
        special = dag.edge_info or len(dag.task_group_dict) > 1
        for step, name in edges if special else edges[:2]:
            if dag.task_dict[step.name].trigger_rule != "all_success":
                continue
            names = {need.step for need in needed(step.needs)} - {name}
            new = with_step(workflow, replace(step, needs=all_of([Need(step=other) for other in sorted(names)])))
            if reason := refusal(plan, workflow, new):
                refused(bundle, plan, workflow, new, "cannot be changed so")
                refusals[next(known for known in refusals if known in reason)] += 1
                continue
            assert f"task_ids='{name}'" not in str(vars(dag.task_dict[step.name]))
            expected = copy.deepcopy(bundle.documents[number].data)
            labelled += without_edge(expected, name, step.name)
            carried_out(bundle, plan, workflow, new, expected)
            removed += 1
    assert removed >= 50
    assert labelled >= 2
    assert all(refusals.values()), refusals


def refusal(plan: Plan, old: Workflow, new: Workflow) -> str:
    done = commit(plan.with_workflow(old, new))
    done.undo()
    return " ".join(map(str, done.lowered.refused.values()))


def without_edge(data: dict[str, Any], before: str, after: str) -> bool:
    """Takes an edge out of a serialized DAG, with its label; whether it had one."""
    fields = serialized(data, before)
    fields["downstream_task_ids"].remove(after)
    if not fields["downstream_task_ids"]:
        del fields["downstream_task_ids"]
    labels = data["dag"].get("edge_info", {})
    label = labels.get(before, {}).pop(after, None)
    if label and not labels[before]:
        del labels[before]
    if label and not labels:
        del data["dag"]["edge_info"]
    return label is not None


def serialized(data: dict[str, Any], name: str) -> dict[str, Any]:
    fields: dict[str, Any] = next(item["__var"] for item in data["dag"]["tasks"] if item["__var"]["task_id"] == name)
    return fields


def first(dag_id: str) -> tuple[DagBundle, Plan, Workflow, Graph]:
    bundle, number, _ = next(item for item in each_dag() if item[2].dag_id == dag_id)
    plan = lifted(bundle)
    return bundle, plan, plan.workflows[number], plan.workflows[number].graphs[0]


def test_what_no_trigger_rule_says_is_refused() -> None:
    bundle, plan, workflow, graph = first("example_xcom")
    step = graph.steps[-2]
    new = replace(step, needs=all_of([Need(step="push"), Need(step="push_by_returning", outcomes=("failed",))]))
    refused(bundle, plan, workflow, with_step(workflow, new), "no trigger rule says")


def test_a_cycle_is_refused_by_airflow_itself() -> None:
    bundle, plan, workflow, graph = first("example_bash_operator")
    start = next(step for step in graph.steps if step.name == "runme_0")
    new = with_step(workflow, replace(start, needs=Need(step="run_this_last")))
    refused(bundle, plan, workflow, new, "Airflow refuses what came of it")


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
