"""What splitting makes of DAGs, without running them: parts that lift to the plan again, found by Airflow, undone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.airflow.examples import each_dag, lifted
from adapters.airflow.split.running import alone, smallest_split, split
from couler_airflow import dags
from couler_airflow.bundle import snapshot
from couler_airflow.lower import commit
from couler_airflow.split.commit import parts_of
from couler_airflow.split.plan import leaves
from couler_airflow.split.splitting import splitting_of
from couler_airflow.split.timetable import PartTimetable, timetable_of_part
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.ir import Literal, replace
from support import first_of

pytestmark = pytest.mark.airflow
START = datetime(2026, 1, 1, tzinfo=UTC)


def chain(length: int = 6, **options: Any) -> Any:
    """A DAG whose tasks run one after the other, each reading the one before."""
    from airflow.sdk import DAG, task

    with DAG("chained", **{"schedule": None, "start_date": START, **options}) as dag:

        @task
        def add(x: int) -> int:
            return x + 1

        made: Any = 0
        for number in range(length):
            made = add.override(task_id=f"t{number}")(made)
    return dag


def halves(dag: Any, steps: int = 3, **options: Any) -> tuple[Any, ...]:
    """The parts of a DAG that is split in place."""
    dags.lower(split(dags.lift(dag), max_steps=steps, **options))
    return parts_of(dag)


@pytest.mark.slow
def test_examples_lift_to_their_plan_again_and_are_put_back() -> None:
    checked = 0
    for bundle, number, dag in each_dag():
        before = snapshot(dag)
        new, _ = smallest_split(alone(lifted(bundle), number))
        if new is None:
            continue
        done = commit(new)
        try:
            assert not done.lowered.refused
            again = dags.lift(*parts_of(dag), dag)
            assert again.workflows == new.workflows, dag.dag_id
            assert set(again.links) == set(new.links)
            assert split(again) is again, "what was split is not split again"
            checked += 1
        finally:
            done.undo()
        assert snapshot(dag) == before, dag.dag_id
        assert not parts_of(dag)
    assert checked >= 30


def test_the_dag_keeps_what_is_its_own() -> None:
    def told(context: Any) -> None: ...

    dag = chain(schedule="@daily", tags=["mine"], max_active_runs=3, on_failure_callback=told, params={"k": 1})
    operators = dict(dag.task_dict)
    first, second = halves(dag)
    assert dag.dag_id == "chained"
    assert (dag.on_failure_callback, first.on_failure_callback) == (told, None)
    assert type(dag.timetable).__name__ == "CronTriggerTimetable"
    assert {**first.task_dict, **second.task_dict}.keys() == operators.keys()
    assert all(second.task_dict[name] is operators[name] for name in ("t3", "t4", "t5"))
    assert (first.dag_id, second.dag_id) == ("chained__part-1", "chained__part-2")
    assert second.tags == {"mine", "couler-part"}
    assert (second.max_active_runs, second.params["k"]) == (3, 1)
    assert not second.is_paused_upon_creation
    assert dag.task_dict["part-2"].upstream_task_ids == {"part-1"}


def test_groups_go_with_their_tasks() -> None:
    from airflow.sdk import DAG, Label, TaskGroup, task

    with DAG("grouped", schedule=None, start_date=START) as dag:

        @task
        def one() -> int:
            return 1

        with TaskGroup("outer"), TaskGroup("inner"):
            made = [one.override(task_id=f"t{number}")() for number in range(4)]
        made[0] >> Label("why") >> made[1] >> Label("cut") >> made[2] >> made[3]
    first, second = halves(dag, 2)
    for part in (first, second):
        (outer,) = (child for child in part.task_group.children.values() if hasattr(child, "children"))
        (inner,) = outer.children.values()
        assert (outer.group_id, inner.group_id) == ("outer", "outer.inner")
        assert inner.parent_group.group_id == "outer"
        assert all(task.task_group.group_id == "outer.inner" for task in inner.children.values())
    assert first.edge_info == {"outer.inner.t0": {"outer.inner.t1": {"label": "why"}}}
    assert second.edge_info == {"outer.inner.t1": {"outer.inner.t2": {"label": "cut"}}}
    assert second.task_dict["outer.inner.t1"].task_group.is_root, "a proxy is in no group"


def test_edits_of_others_reach_the_tasks() -> None:
    dag = chain()
    plan = split(dags.lift(dag), max_steps=3)
    part = plan.workflows[1]
    step = part.graphs[0].steps[-1]
    graph = replace(part.graphs[0], steps=(*part.graphs[0].steps[:-1], replace(step, timeout=Literal(value=9))))
    dags.lower(plan.with_workflow(part, replace(part, graphs=(graph,))))
    assert parts_of(dag)[1].task_dict["t5"].execution_timeout == timedelta(seconds=9)


def test_what_cannot_be_carried_out_leaves_the_dag_as_it_was() -> None:
    dag = chain()
    before = snapshot(dag)
    plan = split(dags.lift(dag), max_steps=3)
    part = plan.workflows[1]
    step = part.graphs[0].steps[-1]
    graph = replace(part.graphs[0], steps=(*part.graphs[0].steps[:-1], replace(step, role="setup")))
    with pytest.raises(Unsupported, match="it is written in the DAG file"):
        dags.lower(plan.with_workflow(part, replace(part, graphs=(graph,))))
    assert snapshot(dag) == before
    halves(dag)


def grouped() -> Any:
    """A DAG with groups, labels, a mapped task, templates that name other parts and edges that cross."""
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG, Label, TaskGroup

    with DAG("grouped", schedule=None, start_date=START) as dag:
        with TaskGroup("outer") as outer:
            made = [BashOperator(task_id=f"t{number}", bash_command=f"echo {number}") for number in range(4)]
            made[0] >> Label("why") >> made[1] >> made[2] >> Label("cut") >> made[3]
        pull = "echo {{ ti.xcom_pull(task_ids='outer.t0') }}"
        last = BashOperator(task_id="last", bash_command=pull)
        outer >> Label("done") >> last
        last >> BashOperator.partial(task_id="many", env={"A": pull}).expand(bash_command=["echo 1", "echo 2"])
    return dag


STEPS = ("_move", "_add", "_labels", "_register", "_root", "patch_graph", "respelled", "arguments_of")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("wrong", first_of([ValueError, KeyboardInterrupt]))
def test_whatever_fails_the_dag_is_as_it_was(
    step: str, wrong: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.definitions._internal.contextmanager import DagContext

    from couler_airflow.split import commit as split_commit

    dag = grouped()
    real = getattr(split_commit, step)
    before = snapshot(dag)
    fields = {name: dict(vars(task)) for name, task in dag.task_dict.items()}
    known = set(DagContext.autoregistered_dags)
    failed = 0
    for at in range(30):
        calls = iter(range(30))

        def failing(*given: Any, at: int = at, calls: Any = calls, **named: Any) -> Any:
            if next(calls) == at:
                raise wrong("as the test wants it")
            return real(*given, **named)

        plan = split(dags.lift(dag), max_steps=3)
        monkeypatch.setattr(split_commit, step, failing)
        try:
            done = commit(plan)
        except wrong:
            failed += 1
        else:
            done.undo()
        monkeypatch.setattr(split_commit, step, real)
        assert snapshot(dag) == before
        assert {name: dict(vars(task)) for name, task in dag.task_dict.items()} == fields
        assert set(DagContext.autoregistered_dags) == known
        assert not parts_of(dag)
        if failed <= at:
            break
    assert failed
    assert len(halves(dag)) == 2


def test_a_dag_is_split_once() -> None:
    from couler_airflow import optimize

    dag = chain()
    with dag:
        optimize(dag, "split{max-steps=3}")
    parts, tasks = parts_of(dag), list(dag.task_dict)
    optimize(dag, "split{max-steps=1}")
    for part in parts:
        optimize(part, "split{max-steps=1}")
        assert not set(part.task_dict) & set(tasks)
        assert "part-1" not in part.task_dict
    assert parts_of(dag) == parts
    assert list(dag.task_dict) == tasks == ["part-1", "part-2", "couler-watcher"]


def test_parts_are_cached_as_the_dag_is() -> None:
    from couler_airflow.settings import Settings

    dag = chain()
    first, _ = halves(dag)
    assert Settings(cache_dags=("chained",)).covers(first)
    assert not Settings(cache_dags=("other",)).covers(first)


FILE = """
    import pendulum
    from airflow.sdk import DAG, task
    from couler_airflow import optimize

    @optimize(pipeline="split{max-steps=3}")
    def made():
        with DAG("filed", schedule="@daily", start_date=pendulum.datetime(2026, 1, 1)) as dag:
            @task
            def one(x):
                return x
            last = 0
            for number in range(8):
                last = one.override(task_id=f"t{number}")(last)
        return dag

    dag = made()
"""


def test_airflow_finds_the_parts(tmp_path: Path) -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    (tmp_path / "filed.py").write_text(textwrap.dedent(FILE))
    bag = DagBag(dag_folder=str(tmp_path))
    assert not bag.import_errors
    assert sorted(bag.dags) == ["filed", "filed__part-1", "filed__part-2", "filed__part-3"]
    for dag in bag.dags.values():
        back = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
        assert back.task_dict.keys() == dag.task_dict.keys()


CUT = """
    import sys
    sys.path.insert(0, sys.argv[1])
    from airflow.dag_processing.dagbag import DagBag
    bag = DagBag(dag_folder=sys.argv[1])
    print({name: sorted(dag.task_dict) for name, dag in sorted(bag.dags.items())})
"""


@pytest.mark.slow
def test_every_process_cuts_alike(tmp_path: Path) -> None:
    from airflow.dag_processing.dagbag import DagBag

    (tmp_path / "filed.py").write_text(textwrap.dedent(FILE))
    here = DagBag(dag_folder=str(tmp_path)).dags
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(CUT), str(tmp_path)],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    said = str({name: sorted(dag.task_dict) for name, dag in sorted(here.items())})
    assert done.stdout.splitlines()[-1] == said
    assert "filed__part-3" in said


@pytest.mark.parametrize("schedule", ["cron", "delta", "trigger", "exact", "none"])
def test_parts_have_the_data_interval_of_the_run(schedule: str) -> None:
    import pendulum
    from airflow.sdk import CronDataIntervalTimetable, CronTriggerTimetable, DeltaDataIntervalTimetable
    from airflow.serialization.decoders import decode_timetable
    from airflow.serialization.encoders import coerce_to_core_timetable, encode_timetable

    whole = {
        "cron": CronDataIntervalTimetable("0 3 * * *", "Europe/Zurich"),
        "delta": DeltaDataIntervalTimetable(timedelta(hours=5)),
        "trigger": CronTriggerTimetable("0 3 * * *", "UTC", interval=timedelta(hours=2)),
        "exact": CronTriggerTimetable("0 3 * * *", "UTC"),
        "none": chain().timetable,
    }[schedule]
    part = timetable_of_part(whole)
    assert isinstance(part, PartTimetable) == (schedule in ("cron", "delta", "trigger")), (
        "our own only where it must be"
    )
    stored = decode_timetable(encode_timetable(part))
    when = pendulum.datetime(2026, 3, 4, 17, 20)
    assert stored.infer_manual_data_interval(run_after=when) == coerce_to_core_timetable(
        whole
    ).infer_manual_data_interval(run_after=when)
    assert not stored.can_be_scheduled


def test_sizes_are_upper_estimates_of_what_airflow_stores() -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    shares = []
    for bundle, number, dag in each_dag():
        plan = lifted(bundle)
        workflow = plan.workflows[number]
        facet = splitting_of(workflow, plan)
        if facet is not None:
            stored = len(json.dumps(DagSerialization.to_dict(dag), separators=(",", ":")))
            shares.append(facet.extent(workflow).bytes / stored)
    assert len(shares) > 100
    assert min(shares) >= 0.9, "assets of a schedule, and what one task has beside its templates"
    assert sorted(shares)[5] >= 1
    assert max(shares) <= 3


def test_leaves_are_those_of_airflow() -> None:
    from airflow.models.dagrun import DagRun
    from airflow.serialization.serialized_objects import DagSerialization

    class Instance:
        def __init__(self, task_id: str) -> None:
            self.task_id = task_id
            self.state = "success"

    ask: Any = DagRun._tis_for_dagrun_state  # it reads no more of a run than what it is given
    for _, _, dag in each_dag():
        stored = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
        instances = [Instance(name) for name in dag.task_dict]
        theirs = ask(None, dag=stored, tis=instances)
        assert sorted(leaves(dag)) == sorted(item.task_id for item in theirs), dag.dag_id


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"fail_fast": True}, "a failure stops the tasks of its own run"),
        ({"default_args": {"depends_on_past": True}}, "looks at the run before"),
        ({"default_args": {"wait_for_downstream": True}}, "looks at the run before"),
        ({"schedule": "asset"}, "would not see which events"),
        ({"schedule": "partition"}, "its runs are partitions"),
        ({"dag_id": "a" * 245}, "Airflow takes 250 characters"),
    ],
)
def test_dags_that_are_not_split(options: dict[str, Any], reason: str) -> None:
    from airflow.sdk import Asset, CronPartitionTimetable

    schedules = {"asset": [Asset("there")], "partition": CronPartitionTimetable("0 0 * * *", timezone="UTC")}
    options = {**options, "schedule": schedules.get(str(options.get("schedule")))}
    dag_id = options.pop("dag_id", "chained")
    dag = chain(**options)
    dag.dag_id = dag_id
    with pytest.raises(Unsupported, match=reason) as error:
        split(dags.lift(dag), max_steps=3)
    assert error.value.hint
    assert len(dag.task_dict) == 6


def test_what_asks_for_the_dag_itself_is_not_split() -> None:
    from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
    from airflow.providers.standard.sensors.external_task import ExternalTaskSensor

    latest, sensing = chain(), chain()
    LatestOnlyOperator(task_id="latest", dag=latest)
    ExternalTaskSensor(task_id="waits", external_dag_id="chained", dag=sensing)
    for dag, reason in ((latest, "'latest' asks when"), (sensing, "'waits' waits for tasks of the DAG itself")):
        with pytest.raises(Unsupported, match=reason):
            split(dags.lift(dag), max_steps=3)


def test_a_gate_is_in_no_key() -> None:
    from couler_airflow.runtime.upstream import upstream

    dag = chain()
    dag.task_dict["t5"].op_kwargs = {"x": "{{ ti.xcom_pull(task_ids=['t0', 't4']) }}"}
    part = halves(dag)[1]
    assert "couler-gate" in part.task_dict["t5"].upstream_task_ids
    assert upstream(part, part.task_dict["t5"]) == {"t4"}


def test_a_part_takes_as_long_as_it_takes() -> None:
    dag = chain()
    halves(dag)
    given = dag.task_dict["part-1"]._BaseOperator__init_kwargs
    assert given["execution_timeout"] is None, "whatever this Airflow has as the default for tasks"


def test_parts_within_the_dag_are_refused() -> None:
    with pytest.raises(InvalidInput, match="into=graphs is not supported by airflow"):
        split(dags.lift(chain()), max_steps=3, into="graphs")


def test_a_dag_that_is_not_too_big_stays_as_it_is() -> None:
    plan = dags.lift(chain())
    assert split(plan) is plan


def test_a_task_that_is_too_big_is_named() -> None:
    with pytest.raises(CoulerError, match="t0"):
        split(dags.lift(chain()), max_bytes=1000)
