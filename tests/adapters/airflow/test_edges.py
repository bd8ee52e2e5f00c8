"""When tasks may start: trigger rules and edges, said in the IR and written in Airflow's own words."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest

from adapters.airflow.editing import carried_out, first, refused, serialized, task_in, with_step, workflows
from couler_airflow.airflow_compat import trigger_rules
from couler_airflow.lower import commit
from couler_airflow.trigger_rules import RULES, needs_of
from couler_plugins.ir import (
    Need,
    Workflow,
    all_of,
    needed,
    replace,
)
from couler_plugins.plan import Plan
from support import first_of

pytestmark = pytest.mark.airflow


@pytest.mark.parametrize("one_of", first_of([4, 1]))
@pytest.mark.parametrize("rule", sorted(RULES))
def test_trigger_rules(rule: str, one_of: int) -> None:
    """Every task that waits for others waits by another rule; Airflow's own words for it are all that changes."""
    written = {"all_done_setup_success": "all_done"}.get(rule, rule)  # without a setup these are the same
    if written not in {item.value for item in trigger_rules()}:
        pytest.skip("this Airflow has no such rule")
    tried = 0
    for bundle, plan, workflow, number in workflows()[::one_of]:
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
    assert tried * one_of >= 10


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


@pytest.mark.slow
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
    empty = any(task["__var"].get("downstream_task_ids") == [] for task in data["dag"]["tasks"])  # so does 3.0
    fields["downstream_task_ids"].remove(after)
    if not fields["downstream_task_ids"] and not empty:
        del fields["downstream_task_ids"]
    labels = data["dag"].get("edge_info", {})
    label = labels.get(before, {}).pop(after, None)
    if label and not labels[before]:
        del labels[before]
    if label and not labels:
        del data["dag"]["edge_info"]
    return label is not None


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
