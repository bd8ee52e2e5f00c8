"""A DAG of many kinds of tasks, run by Airflow itself: with the cache it ends as it does without, and computes less."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_dags import DagFiles
from airflow_minors import airflow_hash, empty_bag, sync

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.slow,
]

FILE = """
import datetime
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import Asset, BaseOperator, setup, task_group, teardown
MARKS
SCALE = 2

class Deferring(BaseOperator):
    def __init__(self, *, value, **kwargs):
        super().__init__(**kwargs)
        self.value = value

    def execute(self, context):
        self.defer(trigger=TimeDeltaTrigger(datetime.timedelta(seconds=0)), method_name="done")

    def done(self, context, event=None):
        return self.value * SCALE

def power(x, y="2"):
    return int(x) ** int(y)

with DAG("kinds", schedule=None) as dag:
    @task
    def numbers():
        return [1, 2, 3]

    @task
    def double(x):
        return x * SCALE

    @task(multiple_outputs=True)
    def total(xs):
        return {"sum": sum(xs), "count": 3}

    totals = total(double.expand(x=numbers()))
    pulled = PythonOperator(
        task_id="pulled",
        python_callable=power,
        op_args=["{{ ti.xcom_pull(task_ids='total')['sum'] }}"],
        op_kwargs={"y": "{{ params.get('y', 3) }}"},
    )
    shell = BashOperator(task_id="shell", bash_command="echo {{ ti.xcom_pull(task_ids='total')['sum'] }}")
    totals >> EmptyOperator(task_id="nothing") >> [pulled, shell]

    @task.branch
    def choose():
        return "left"

    @task
    def left():
        return "left"

    @task
    def right():
        return "right"

    @task(trigger_rule="none_failed_min_one_success")
    def join():
        return "joined"

    @task.short_circuit
    def goes_on(x):
        return x > 1

    @task
    def gone_on():
        return "on"

    choose() >> [left(), right()] >> join()
    goes_on(2) >> gone_on()

    @task_group
    def group(x):
        @task
        def first(y):
            return y + 1

        @task
        def second(y):
            return {"y": (y, y)}

        second(first(x))

    group.expand(x=[10, 20])

    @setup
    def begin():
        return "begun"

    @teardown
    def end():
        return "ended"

    @task
    def within():
        return "within"

    begin() >> within() >> end()

    @task(outlets=[Asset("made")])
    def makes():
        return "made"

    @task
    def nothing_returned():
        return None

    @task
    def with_context(x, ds=None, params=None):
        return [x, params["y"]]

    @task
    PUSHES
    def pushes(x, ti=None):
        ti.xcom_push("rows", [x, x])
        return x

    pushes(6)
    makes()
    nothing_returned()
    with_context(1)
    waits = Deferring(task_id="waits", value=4)
    dag.params["y"] = 3
    EDITS
"""
HITS = {
    *("numbers", "double", "total", "pulled", "left", "gone_on", "group.first", "group.second", "with_context"),
}
MISSES = {"choose", "goes_on", "join", "within", "nothing_returned", "pushes"}
"""Tasks that run again, and say why."""

UNTOUCHED = {"begin", "end", "makes"}
MARKED = {"shell", "waits"}


@pytest.fixture(scope="module")
def database() -> None:
    """Airflow's tables, in the home that the tests have given it."""
    subprocess.run([Path(sys.executable).parent / "airflow", "db", "migrate"], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: None) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", "[]")
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_STORE", str(tmp_path / "store"))
    return monkeypatch


def ran(dag: Any) -> tuple[dict[Any, Any], dict[Any, Any], dict[str, list[Any]]]:
    """The states and the XComs of a run, and what the cache said, by task."""
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        session.merge(DagBundleModel(name="couler-test"))
    bag = empty_bag()
    bag.dags[dag.dag_id] = dag
    sync(bag, "couler-test")
    run = dag.test()
    states = {(ti.task_id, ti.map_index): str(ti.state) for ti in run.get_task_instances()}
    xcoms: dict[Any, Any] = {}
    told: dict[str, list[Any]] = {}
    with create_session() as session:
        for item in session.scalars(select(XComModel).where(XComModel.run_id == run.run_id)):
            if item.key == "couler_cache":
                told.setdefault(item.task_id, []).append(item.value)
            else:
                xcoms[item.task_id, item.map_index, item.key] = item.value
    return states, xcoms, told


def hits(told: dict[str, list[Any]]) -> set[str]:
    return {task_id for task_id, items in told.items() if all(item.get("hit") for item in items)}


def test_with_the_policy_alone_a_run_ends_as_without_us(dag_files: DagFiles, env: pytest.MonkeyPatch) -> None:
    text = FILE.replace("MARKS", "").replace("EDITS", "").replace("    PUSHES\n", "")
    env.setenv("AIRFLOW__COULER__ENABLED", "False")
    env.setenv("AIRFLOW__COULER__CACHE_DAGS", "other,kin*")
    plain = dag_files.dag(text)
    states, xcoms, told = ran(plain)
    assert told == {}
    assert set(states.values()) == {"success", "skipped"}
    unwrapped = airflow_hash(plain)

    env.setenv("AIRFLOW__COULER__ENABLED", "True")
    dag = dag_files.dag(text)
    assert airflow_hash(dag) == unwrapped
    first = ran(dag)
    assert first[:2] == (states, xcoms)
    assert hits(first[2]) == set()
    second = ran(dag_files.dag(text))
    assert second[:2] == (states, xcoms)
    assert hits(second[2]) == HITS
    assert set(second[2]) - HITS == MISSES
    assert not (UNTOUCHED | MARKED) & set(second[2])

    # Another body for one task: it runs again, and what is handed another value; the rest is found.
    third = ran(dag_files.dag(text.replace("x * SCALE", "x * SCALE + 1")))
    assert hits(third[2]) == HITS - {"double", "total", "pulled"}


def test_with_marks_in_the_file_the_marked_tasks_are_found(dag_files: DagFiles, env: pytest.MonkeyPatch) -> None:
    text = FILE.replace("MARKS", "from couler_airflow.marks import cached, never")
    text = text.replace("EDITS", "cached(shell, version='1'); cached(waits); never(pulled)")
    text = text.replace("PUSHES", "@cached(context=('ds',))")
    plain_text = FILE.replace("MARKS", "").replace("EDITS", "").replace("    PUSHES\n", "")
    text = text.replace("    @task\n    def left", "    @cached(ttl=600)\n    @task\n    def left")
    text = text.replace("    @task\n    def numbers", "    @task\n    @cached\n    def numbers")
    plain = dag_files.dag(plain_text)
    states, xcoms, told = ran(plain)
    assert told == {}
    dag = dag_files.dag(text)
    assert airflow_hash(dag) == airflow_hash(plain)
    first, second = ran(dag), ran(dag_files.dag(text))
    assert first[:2] == second[:2] == (states, xcoms)
    # Nobody has marked what chooses and what totals, so nothing is known of what comes after them by order only.
    # What waits comes back with the time.
    assert hits(second[2]) == {"numbers", "pushes"}
    assert set(second[2]) == {"numbers", "pushes", "waits", "left", "shell"}
