"""Lifting and lowering all example DAGs: nothing changes, and what runs is the very same objects."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters.airflow.examples import each_dag, fewest, lifted, load, loaded
from airflow_minors import airflow_hash
from couler_airflow.airflow_compat import serialized
from couler_airflow.bundle import TASKS, snapshot
from couler_airflow.lift import template_values
from couler_airflow.lower import commit
from couler_plugins.ir import GraphView, callables, from_json, to_json, verify, without_origin
from couler_plugins.plan import Plan

pytestmark = pytest.mark.airflow


def raw(dag: Any) -> str:
    return json.dumps(serialized(dag), default=lambda item: sorted(item) if isinstance(item, set) else str(item))


def objects(dag: Any) -> list[Any]:
    """Everything of a DAG that runs, or that what runs is made from."""
    found: list[Any] = [dag, dag.task_group, dag.timetable, dag.params, dag.task_dict, dag.edge_info]
    for task in dag.task_dict.values():
        found += [task, task.operator_class, task.task_group, getattr(task, "python_callable", None)]
        found += [task.upstream_task_ids, task.downstream_task_ids, *template_values(task).values()]
    return [*found, *dag.task_group_dict.values()]


def test_there_are_as_many_as_airflow_ships() -> None:
    dags = [dag for _, _, dag in each_dag()]
    assert len(dags) == len({dag.dag_id for dag in dags}) >= fewest()[0]
    assert sum(len(dag.task_dict) for dag in dags) >= fewest()[1]


@pytest.mark.slow
def test_nothing_changes() -> None:
    for bundle in loaded():
        before = [(airflow_hash(live.dag), raw(live.dag), objects(live.dag)) for live in bundle.live]
        done = commit(lifted(bundle))
        assert (done.lowered.changed, done.lowered.edits, done.lowered.refused) == ({}, (), {})
        for live, (digest, text, parts) in zip(bundle.live, before, strict=True):
            assert airflow_hash(live.dag) == digest
            assert raw(live.dag) == text
            assert all(new is old for new, old in zip(objects(live.dag), parts, strict=True))
            assert not live.spent
            assert "couler_directives" not in vars(live.dag)


def test_the_ir_is_whole_and_points_to_what_it_was_made_from() -> None:
    for bundle in loaded():
        for workflow in lifted(bundle).workflows:
            assert verify(workflow) == []
            assert from_json(to_json(workflow)) == workflow == without_origin(workflow)
            assert workflow.source
            number = int(workflow.source[0])
            live, data = bundle.live[number], bundle.documents[number].data
            for step, operation in zip(workflow.graphs[0].steps, workflow.operations, strict=True):
                assert step.source == operation.source
                assert step.source
                assert step.source[1:3] == TASKS
                assert live.operators[int(step.source[3])] is live.dag.task_dict[step.name]
                assert data["dag"]["tasks"][step.source[3]]["__var"]["task_id"] == step.name


def test_everything_of_a_dag_is_lifted() -> None:
    """Counted on the objects, by what Airflow itself says of them."""
    from airflow.sdk.definitions.xcom_arg import XComArg

    totals = dict.fromkeys(("order", "data", "mapped", "groups", "mapped groups", "framing", "pulls"), 0)
    for bundle in loaded():
        for live, workflow in zip(bundle.live, lifted(bundle).workflows, strict=True):
            dag, graph = live.dag, workflow.graphs[0]
            edges = list(GraphView(graph, callables(workflow)).edges())
            groups = {name: group for name, group in dag.task_group_dict.items() if name is not None}
            read = {
                (operator.task_id, task.task_id)
                for task in dag.tasks
                for value in (
                    *template_values(task).values(),
                    *((task._get_specified_expand_input(),) if task.is_mapped else ()),
                )
                for operator, _ in XComArg.iter_xcom_references(value)
                if type(value).__name__ != "MappedArgument"
            }
            found = {(edge.before, edge.after) for edge in edges if edge.why == "data"}
            mapped_groups = {name for name, group in groups.items() if hasattr(group, "_expand_input")}
            inside = {task.task_id for name in mapped_groups for task in groups[name].iter_tasks()}
            assert {pair for pair in read if pair[1] not in inside} <= found
            assert {edge for edge in found - read if "xcom_pull" not in str(vars(dag.task_dict[edge[1]]))} == set()
            always = {task.task_id for task in dag.tasks if task.trigger_rule == "always"}
            assert {(edge.before, edge.after) for edge in edges if edge.why == "order"} == {
                (before, task.task_id)
                for task in dag.tasks
                for before in task.upstream_task_ids
                if task.task_id not in always
            }
            assert {step.name for step in graph.steps if step.loop} == {t.task_id for t in dag.tasks if t.is_mapped}
            assert {region.name: set(region.steps) for region in graph.regions} == {
                name: {task.task_id for task in group.iter_tasks()} for name, group in groups.items()
            }
            assert {region.name for region in graph.regions if region.loop} == mapped_groups
            framing = {
                task.task_id: "setup" if task.is_setup else "teardown"
                for task in dag.tasks
                if task.is_setup or task.is_teardown
            }
            assert {step.name: step.role for step in graph.steps if step.role != "normal"} == framing
            assert {port.name for port in workflow.parameters} == set(dag.params)
            counts = (
                len(edges),
                len(read),
                len([t for t in dag.tasks if t.is_mapped]),
                len(groups),
                len(mapped_groups),
            )
            for name, count in zip(totals, (*counts, len(framing), len(found - read)), strict=True):
                totals[name] += count
    if any(dag.dag_id == "example_task_group_mapping" for _, _, dag in each_dag()):  # from 3.2 on
        assert totals["mapped groups"]
    assert all(number for name, number in totals.items() if name != "mapped groups"), totals


def test_loading_twice_gives_equal_workflows() -> None:
    for bundle in loaded()[::6]:
        path = Path(bundle.files[0].name)
        one, two = load(path, snapshots=False), load(path, snapshots=False)
        assert lifted(one).workflows == lifted(two).workflows
        assert [live.dag for live in one.live] != [] or not two.live


def test_a_workflow_without_an_origin_is_refused() -> None:
    from couler_plugins.errors import Unsupported

    plan = lifted(loaded()[0])
    stripped = Plan(bundle=plan.bundle, originals=plan.originals, workflows=tuple(map(without_origin, plan.workflows)))
    with pytest.raises(Unsupported, match="comes from no DAG"):
        commit(stripped)


def test_what_airflow_cannot_serialize_is_refused() -> None:
    from airflow.sdk import DAG
    from airflow.timetables.simple import NullTimetable

    from couler_plugins.errors import InvalidInput

    class Own(NullTimetable):
        """Nobody registered it."""

    with pytest.raises(InvalidInput, match="cannot serialize the DAG 'own'"):
        snapshot(DAG("own", schedule=Own()))


def test_another_airflow_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from couler_plugins.errors import EngineError

    monkeypatch.setitem(sys.modules, "airflow.serialization.serialized_objects", None)
    with pytest.raises(EngineError, match="as Airflow 3 does"):
        snapshot(next(each_dag())[2])
