"""`couler_airflow.optimize`: which tasks are asked to look their results up, that it is the same anywhere, and open."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

from adapters.airflow.examples import dag_files, load
from airflow_history import instance
from couler_airflow import cached, never, optimize
from couler_airflow.bundle import snapshot
from couler_airflow.cache.rows import wrapped_tasks
from couler_airflow.dags import lift, lower
from couler_airflow.marks import declared
from couler_airflow.settings import is_enabled
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.hookspecs import Context
from couler_plugins.ir import Literal, replace
from couler_plugins.plan import Plan
from couler_plugins.plugins import Plugins, load_plugins
from support import ROOT, own_files

pytestmark = [pytest.mark.airflow, pytest.mark.sampled]


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store: nothing is run here, so it is never opened."""
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_STORE", "memory://nowhere")
    is_enabled()  # this imports Airflow, which sets logging up: before `caplog` listens to a test


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return load_plugins()


def kinds() -> Any:
    """A DAG with a task of every kind that matters to caching."""
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.providers.standard.sensors.python import PythonSensor
    from airflow.sdk import DAG, Asset, task

    with DAG("kinds") as dag:

        @task
        def first() -> int:
            return 1

        @task
        def add(x: int) -> int:
            return x + 1

        @task.branch
        def choose(x: int) -> str:
            return f"add{x}"

        @task(outlets=[Asset("s3://there")])
        def publish(x: int) -> None: ...

        start = EmptyOperator(task_id="start")
        bash = BashOperator(task_id="bash", bash_command="date")
        plain = PythonOperator(task_id="plain", python_callable=int)
        waits = PythonSensor(task_id="waits", python_callable=bool)
        one = first()
        many = add.expand(x=[1, 2])
        start >> one >> choose(one)  # type: ignore[arg-type]  # Airflow hands the value over
        publish(one)  # type: ignore[arg-type]  # as above
        bash >> plain
        waits >> many
        setup, work, teardown = (PythonOperator(task_id=f"frame{number}", python_callable=int) for number in range(3))
        setup.is_setup = True
        teardown.as_teardown(setups=setup)
        setup >> work >> teardown
    return dag


def test_what_a_key_covers_is_cached_and_nothing_else(plugins: Plugins) -> None:
    dag = kinds()
    assert optimize(dag, plugins=plugins) is dag
    assert wrapped_tasks(dag) == ["plain", "first", "add", "choose", "frame1"]


def test_every_other_task_has_a_reason(plugins: Plugins) -> None:
    from couler_plugins.driver.context import RunContext
    from couler_plugins.driver.pipeline import parse_pipeline, run_pipeline

    plan = run_pipeline(lift(cached(kinds())), parse_pipeline("cache", plugins), RunContext(plugins), plugins).plan
    reasons = {item.subject: item.reason for item in plan.decisions}
    after = "and no key covers what that has done"
    operator = "airflow.providers.standard.operators.bash.BashOperator"
    undeclared = "nobody has declared BashOperator pure"
    allowed = "couler_airflow.cached(allow=('clock', 'programs')) at the task"
    bash = [
        f"{undeclared}: add couler_airflow.cached(…) of the task, or {operator} in cache_operators",
        f"BashOperator runs a program: add {allowed}",
        f"it contains 'date', which may read a clock: add {allowed}",
    ]
    assert reasons == {
        "kinds/start": "it computes nothing",
        "kinds/bash": "; ".join(bash),
        "kinds/plain": f"'bash' runs before it, {after}: add 'bash' is declared as well",
        "kinds/waits": "it waits for something",
        "kinds/first": "the DAG 'kinds' says that it is pure",
        "kinds/add": f"'waits' runs before it, {after}",
        "kinds/choose": "it decides what else runs; it runs every time, under a key for what comes after it",
        "kinds/publish": "it has outlets, whose events say more than a result",
        "kinds/frame0": "it sets up or tears down",
        "kinds/frame1": f"'frame0' runs before it, {after}",
        "kinds/frame2": "it sets up or tears down",
    }


def test_marks_of_a_task_win(plugins: Plugins) -> None:
    dag = kinds()
    never(dag.task_dict["first"])
    cached(dag.task_dict["bash"])
    optimize(dag, plugins=plugins)
    assert wrapped_tasks(dag) == ["bash", "plain", "add", "choose", "frame1"]


def test_a_second_time_changes_nothing(plugins: Plugins) -> None:
    dag = kinds()
    optimize(dag, plugins=plugins)
    before = {name: vars(task).copy() for name, task in dag.task_dict.items()}
    optimize(dag, plugins=plugins)
    assert {name: vars(task) for name, task in dag.task_dict.items()} == before


def test_airflow_serializes_the_same(plugins: Plugins) -> None:
    """No new version of the DAG: the scheduler and the UI do not see a difference."""
    found = 0
    for path in dag_files():
        for live in load(path).live:
            before = {key: part for key, part in snapshot(live.dag).items() if key != "couler"}
            optimize(live.dag, plugins=plugins)
            after = snapshot(live.dag)
            assert after.pop("couler", {"cache": []})["cache"] == wrapped_tasks(live.dag)
            assert after == before
            found += bool(wrapped_tasks(live.dag))
    assert found >= 10


def test_a_decorator(plugins: Plugins) -> None:
    from airflow.sdk import dag, task

    @optimize(plugins=plugins)
    @dag(schedule=None)
    def made() -> None:
        @task
        def one() -> int:
            return 1

        one()

    assert wrapped_tasks(made()) == ["one"]
    assert made.__name__ == "made"


@pytest.mark.parametrize("pipeline", ["nonsense", "cache{capacity=3GB}", "cache{"])
def test_whatever_fails_the_dag_stays(pipeline: str, plugins: Plugins, caplog: pytest.LogCaptureFixture) -> None:
    dag = kinds()
    before = {name: vars(task).copy() for name, task in dag.task_dict.items()}, set(vars(dag))
    with caplog.at_level(logging.WARNING):
        assert optimize(dag, pipeline, plugins=plugins) is dag
    assert "the DAG kinds is not optimized: " in caplog.text
    assert ({name: vars(task) for name, task in dag.task_dict.items()}, set(vars(dag))) == before


def test_an_operator_that_fails_half_way_undoes_the_others(
    plugins: Plugins, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from couler_airflow.cache.rows import Owner

    def fails(self: Owner, task: Any, *, wrap: Any = Owner.wrap) -> Any:
        if task.task_id == "choose":
            raise RuntimeError("out of luck")
        return wrap(self, task)

    monkeypatch.setattr(Owner, "wrap", fails)
    dag = kinds()
    with caplog.at_level(logging.WARNING):
        optimize(dag, plugins=plugins)
    assert wrapped_tasks(dag) == []
    assert "RuntimeError" in caplog.text


@pytest.fixture
def off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__COULER__ENABLED", "False")


@pytest.mark.usefixtures("off")
def test_one_setting_turns_it_off(plugins: Plugins) -> None:
    dag = kinds()
    optimize(dag, plugins=plugins)
    assert wrapped_tasks(dag) == []


def test_without_a_store_nothing_is_cached(plugins: Plugins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__COULER__CACHE_STORE")
    dag = kinds()
    optimize(dag, plugins=plugins)
    assert wrapped_tasks(dag) == []
    assert declared(dag) is not None, "workers may have one, and explain says what they do"


def test_below_the_decorator_that_makes_the_dag_is_said_to_do_nothing(
    caplog: pytest.LogCaptureFixture, plugins: Plugins
) -> None:
    from airflow.sdk import dag, task

    @dag(schedule=None)
    @optimize(plugins=plugins)
    def upside_down() -> None:
        task(task_id="first")(lambda: 1)()

    assert list(upside_down().task_dict) == ["first"]
    assert [record.getMessage() for record in caplog.records if record.name == "couler_airflow.dags"] == [
        "upside_down is not optimized: it makes no DAG; put optimize above @dag"
    ]


def test_no_dag_is_no_traceback(caplog: pytest.LogCaptureFixture, plugins: Plugins) -> None:
    with caplog.at_level(logging.WARNING):
        optimize(3, plugins=plugins)
    assert "int is no DAG" in caplog.text
    with pytest.raises(InvalidInput, match="is no DAG"):
        lift("kinds")


def test_a_history_beside_the_dag_file_is_what_optimizers_are_told(
    plugins: Plugins, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[float | None] = []

    class Asks:
        name: ClassVar[str] = "asks"

        def run(self, plan: Plan, ctx: Context) -> Plan:
            told.append(ctx.profile(plan.workflows[0], "kinds/first").seconds)
            return plan

    took = instance("first", dag_id="kinds", duration=42.0)
    (tmp_path / "runs.json").write_text(json.dumps({"task_instances": [took], "total_entries": 1}))
    dag = kinds()
    dag.fileloc = str(tmp_path / "kinds.py")
    optimize(dag, [Asks()], plugins=plugins)
    optimize(dag, [Asks()], history="runs.json", plugins=plugins)
    optimize(pipeline=[Asks()], history=[tmp_path / "runs.json"], plugins=plugins)(lambda: dag)()
    assert told == [None, 42.0, 42.0]
    with caplog.at_level(logging.WARNING):
        assert optimize(dag, [Asks()], history="gone.json", plugins=plugins) is dag
    assert "the DAG kinds is not optimized: " in caplog.text
    assert len(told) == 3


def test_lift_and_lower() -> None:
    dag = kinds()
    plan = lift(dag)
    (workflow,) = plan.workflows
    graph = replace(workflow.graphs[0], parallelism=Literal(value=2))
    lowered = lower(plan.with_workflow(workflow, replace(workflow, graphs=(graph,))))
    assert dag.max_active_tasks == 2
    assert [traced.edit.new for traced in lowered.edits] == [2]
    again = lift(dag)
    with pytest.raises(Unsupported, match="cannot be changed so"):
        lower(again.with_workflow(again.workflows[0], replace(again.workflows[0], name="other")))
    assert dag.dag_id == "kinds"


PROGRAM = """
import hashlib, sys
from pathlib import Path
from couler_airflow.airflow_compat import dag_bag
from couler_airflow.dags import lift, optimize
from couler_airflow.cache.rows import wrapped_tasks
from couler_plugins.ir import to_json
seen = hashlib.sha256()
for path in sys.argv[1:]:
    dags = dag_bag()(dag_folder=path).dags
    for name in sorted(dags):
        optimize(dags[name])
        plan = lift(dags[name])
        seen.update(to_json(plan.workflows[0]))
        seen.update(repr((wrapped_tasks(dags[name]), plan.bundle.documents[0].data["dag"]["tasks"])).encode())
print(seen.hexdigest())
"""


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.parametrize(
    "paths",
    [own_files("airflow")[::6], pytest.param(dag_files(), marks=pytest.mark.slow)],
    ids=["some", "all"],
)
def test_every_process_does_the_same(paths: list[Path], tmp_path: Path) -> None:
    """The one that serializes a DAG and each worker: whatever the hash seed and the folder."""
    files = [str(path) for path in paths if "weight" not in path.name and "workday" not in path.name]
    path = os.pathsep.join(map(str, (ROOT, *(ROOT / "adapters").iterdir())))
    quiet = {"AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL", "PYTHONWARNINGS": "ignore"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *files],
            env={
                **os.environ,
                **quiet,
                "PYTHONHASHSEED": seed,
                "PYTHONPATH": path,
                "AIRFLOW_HOME": str(tmp_path / seed),
            },
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed, folder in (("0", ROOT), ("4711", tmp_path))
    ]
    outputs = [process.communicate()[0].splitlines()[-1:] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert outputs[0] == outputs[1] != []
    assert len(outputs[0][0]) == 64


def test_settings_beside_a_dag_that_no_variable_names_are_logged(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("AIRFLOW__COULER__DECLARATIONS", raising=False)
    dag = kinds()
    dag.fileloc = str(tmp_path / "kinds.py")
    with caplog.at_level(logging.INFO):
        optimize(dag, "cache,guard", plugins=plugins)
        assert "is not read here" not in caplog.text
        (tmp_path / "couler.toml").write_text("")
        optimize(dag, "cache,guard", plugins=plugins)
    line = f"{tmp_path.resolve()}/couler.toml is not read here: AIRFLOW__COULER__DECLARATIONS does not name it"
    assert caplog.text.count(line) == 1


def test_declarations_that_are_not_there_are_one_line(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW__COULER__DECLARATIONS", str(tmp_path / "gone.toml"))
    with caplog.at_level(logging.INFO):
        optimize(kinds(), "guard", plugins=plugins)
    (record,) = (record for record in caplog.records if record.name == "couler_airflow.dags")
    said = "the DAG kinds is not optimized: AIRFLOW__COULER__DECLARATIONS: the settings cannot be read: "
    assert record.getMessage().startswith(said)
    assert "gone.toml" in record.getMessage()
    assert record.exc_info is None
