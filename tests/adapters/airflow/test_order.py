"""Texts that pull what a task behind their own has left: of an earlier run, as watermarks are, or not at all."""

from __future__ import annotations

import logging
import random
from typing import Any

import pytest

from adapters.airflow.split.running import split
from couler_airflow import dags
from couler_airflow.lift import Order
from couler_plugins.errors import Unsupported
from couler_plugins.ir import GraphView, callables

pytestmark = pytest.mark.airflow
EARLIER = "load --since {{ ti.xcom_pull(task_ids='save', include_prior_dates=True) }}"


def watermark(command: str = EARLIER) -> Any:
    """Three tasks after each other, of which the first reads what the last has left."""
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG

    with DAG("watermark", schedule=None) as dag:
        tasks = [BashOperator(task_id=name, bash_command="true") for name in ("extract", "clean", "save")]
        tasks[0].bash_command = command
        tasks[0] >> tasks[1] >> tasks[2]
    return dag


@pytest.mark.parametrize("name", ["save", "extract"])
def test_what_an_earlier_run_has_left_is_no_edge(name: str) -> None:
    (workflow,) = dags.lift(watermark(EARLIER.replace("save", name))).workflows
    edges = GraphView(workflow.graphs[0], callables(workflow)).edges()
    assert {(edge.before, edge.after) for edge in edges} == {("extract", "clean"), ("clean", "save")}


def test_such_a_dag_is_optimized(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_STORE", "/nowhere")
    with caplog.at_level(logging.WARNING, "couler_airflow"):
        dags.optimize(watermark(), "dedupe,cache,prune")
    assert not caplog.records


@pytest.mark.parametrize(
    ("command", "reason"),
    [(EARLIER, "earlier runs"), ("{{ ti.xcom_pull('save') }}", "the result of 'save', which does not come before it")],
)
def test_such_a_dag_is_not_split(command: str, reason: str) -> None:
    with pytest.raises(Unsupported, match=reason):
        split(dags.lift(watermark(command)), max_steps=1)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_behind(seed: int) -> None:
    """Compared with what Airflow says of DAGs drawn at random."""
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG

    drawn = random.Random(seed)
    with DAG("drawn", schedule=None) as dag:
        tasks = [EmptyOperator(task_id=f"t{number}") for number in range(9)]
        for before in range(9):
            for after in range(before + 1, 9):
                if drawn.random() < 0.25:
                    tasks[before] >> tasks[after]
    order = Order(dag.task_dict)
    for start in tasks:
        behind = {name for name in dag.task_dict if order.is_behind(name, start.task_id)}
        assert behind == {start.task_id, *start.get_flat_relative_ids(upstream=False)}
