"""Weights of tasks: read where their owner sets them, and written so that each counts as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from couler_airflow import dags
from couler_airflow.bundle import DagBundle, snapshot
from couler_airflow.homes import HOMES, start_order
from couler_airflow.lift import lift_dag
from couler_airflow.lower import commit
from couler_plugins.driver.context import RunContext
from couler_plugins.driver.session import whole_file
from couler_plugins.inputs.sources import read_source
from couler_plugins.ir import Literal
from couler_plugins.options.config import load_config
from couler_plugins.ordering.prioritize import Prioritize
from couler_plugins.plan import Plan
from couler_plugins.plugins import load_plugins
from couler_plugins.runs import Run, StepRun
from couler_plugins.runs.history_file import line_of

pytestmark = pytest.mark.airflow
SECONDS = {"a": 5.0, "b": 5.0, "c": 5.0, "late": 5.0, "last": 50.0, "items": 20.0}


def dag_of(**fields: Any) -> Any:
    """Six tasks, of which the one that takes longest comes last; fields are those of the first."""
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG

    with DAG("nightly", schedule=None) as dag:
        first = [BashOperator(task_id=name, bash_command="true", **(fields if name == "a" else {})) for name in "abc"]
        late = BashOperator(task_id="late", bash_command="true")
        BashOperator(task_id="last", bash_command="true")
        first >> late
        BashOperator.partial(task_id="items").expand(bash_command=["true", "false"])
    return dag


def prioritized(dag: Any, folder: Path, options: Prioritize) -> Plan:
    """The plan of a DAG, with past runs that took so long."""
    steps = [
        StepRun(step=f"nightly/{name}", type=f"task/{name}", spec=name, key=name, seconds=seconds)
        for name, seconds in SECONDS.items()
    ]
    history = folder / "past.jsonl"
    history.write_bytes(line_of(Run(family="nightly", engine="airflow", steps=tuple(steps), at=1.0)))
    plugins = load_plugins(load_config(environ={}))
    files = [whole_file(item) for item in read_source((str(history),), 10**7)]
    return options.run(dags.lift(dag), RunContext(plugins, history=files))


def weights(dag: Any) -> dict[str, tuple[int, str]]:
    rules = {task.task_id: str(getattr(task.weight_rule, "value", task.weight_rule)) for task in dag.tasks}
    return {task.task_id: (task.priority_weight, rules[task.task_id]) for task in dag.tasks}


def test_the_longest_path_gets_the_largest_weight(tmp_path: Path) -> None:
    dag = dag_of()
    plan = prioritized(dag, tmp_path, Prioritize(slots=2))
    figures = dict(plan.decisions[0].figures)
    assert (figures["seconds of a run before"], figures["seconds of a run after"]) == (55.0, 50.0)
    before = snapshot(dag)
    done = commit(plan)
    assert not done.lowered.refused
    assert weights(dag) == {
        **dict.fromkeys("abc", (2, "absolute")),
        "late": (1, "absolute"),
        "last": (4, "absolute"),
        "items": (3, "absolute"),
    }
    again, wanted = lift_dag(dag, 0).operations, plan.workflows[0].operations
    assert [item.native_extra for item in again] == [item.native_extra for item in wanted]
    assert {HOMES["weight"].read("weight", item) for item in again} == {Literal(value=n) for n in (1, 2, 3, 4)}
    subjects = [plan.decisions[edit.decision].subject for edit in done.lowered.edits if edit.decision is not None]
    assert set(subjects) == {f"nightly/{name}" for name in SECONDS}
    done.undo()
    assert snapshot(dag) == before
    assert set(weights(dag).values()) == {(1, "downstream")}


def test_airflow_itself_counts_such_weights_as_they_are(tmp_path: Path) -> None:
    """What it serializes, and reads back as its scheduler does, has the weights that were set."""
    from airflow.serialization.serialized_objects import DagSerialization

    dag = dag_of()
    commit(prioritized(dag, tmp_path, Prioritize(slots=2)))
    read = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    for task in read.tasks:
        rule = task.weight_rule
        assert type(rule).__name__ == "_AbsolutePriorityWeightStrategy"
        instance = type("TaskInstance", (), {"task": task})()
        assert rule.get_weight(instance) == task.priority_weight == weights(dag)[task.task_id][0]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"priority_weight": 5}, "5, downstream"),
        ({"weight_rule": "upstream"}, "1, upstream"),
        ({"priority_weight": 3, "weight_rule": "absolute"}, 3),
    ],
)
def test_what_its_owner_set_stays(fields: dict[str, Any], said: Any, tmp_path: Path) -> None:
    dag = dag_of(**fields)
    plan = prioritized(dag, tmp_path, Prioritize(slots=2))
    assert HOMES["weight"].read("weight", plan.workflows[0].operations[0]) == Literal(value=said)
    ((subject, reason),) = [(item.subject, item.reason) for item in plan.decisions]
    assert subject == "nightly"
    assert "'a' has a priority_weight or a weight_rule" in reason
    assert plan.workflows[0] == plan.originals[0]


def test_the_limit_of_a_dag_counts_and_half_of_what_could_run_stands_for_a_pool(tmp_path: Path) -> None:
    dag = dag_of()
    dag.max_active_tasks = 2
    workflow = dags.lift(dag).workflows[0]
    assert start_order(workflow, workflow.graphs[0]).slots == 2
    assert dict(prioritized(dag, tmp_path, Prioritize()).decisions[0].figures)["slots"] == 2
    dag.max_active_tasks = 16
    assert dict(prioritized(dag, tmp_path, Prioritize()).decisions[0].figures)["slots"] == 2
    (decision,) = prioritized(dag, tmp_path, Prioritize(slots=9)).decisions
    assert decision.reason.startswith("as many steps may run at a time")


def test_the_weights_of_pods_and_of_what_only_the_run_knows_are_left_alone(tmp_path: Path) -> None:
    """Weights stand next to what is set on pods, whose order stays; classes are no matter of weights."""
    dag = dag_of(executor_config={"KubernetesExecutor": {}})
    plan = prioritized(dag, tmp_path, Prioritize(slots=2, classes=("low", "high")))
    assert {item.action for item in plan.decisions} == {"order 6 steps by their weights", "set weight"}
    assert isinstance(plan.bundle, DagBundle)
