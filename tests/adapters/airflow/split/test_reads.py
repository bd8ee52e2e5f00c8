"""What tasks read of others beside what they are handed: in code, in template files, in templates that name DAGs."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from adapters.airflow.split.running import split
from couler_airflow import dags
from couler_airflow.pulls import Named, with_dag_ids
from couler_airflow.split_commit import parts_of
from couler_airflow.split_reads import reads_of
from couler_plugins.errors import Unsupported

pytestmark = pytest.mark.airflow
START = datetime(2026, 1, 1, tzinfo=UTC)


def helper(ti: Any) -> Any:
    return ti.xcom_pull(task_ids=["first", "second"], key="more")


def calls_itself(ti: Any, depth: int = 3) -> Any:
    return calls_back(ti, depth - 1) if depth else ti.xcom_pull(task_ids="first")


def calls_back(ti: Any, depth: int) -> Any:
    return calls_itself(ti, depth) or ti.xcom_pull("second")


def by_name(ti: Any, name: str = "first") -> Any:
    return ti.xcom_pull(task_ids=name)


def by_key(ti: Any, key: str = "more") -> Any:
    return ti.xcom_pull(task_ids="first", key=key)


def by_dag(ti: Any) -> Any:
    return ti.xcom_pull(task_ids="first", dag_id="reading")


def of_another(ti: Any) -> Any:
    return ti.xcom_pull(task_ids="first", dag_id="other"), ti.xcom_pull(key="mine")


def handed_on(ti: Any) -> Any:
    return map(ti.xcom_pull, ["first"])


def counting(ti: Any) -> Any:
    return ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id])


def nested(ti: Any) -> Any:
    def inner() -> Any:
        return helper(ti)

    return inner()


def reading(function: Any = None, **options: Any) -> Any:
    """A DAG of four tasks one after the other, of which the last runs a function."""
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG

    with DAG("reading", schedule=None, start_date=START, template_searchpath=options.pop("searched", None)) as dag:
        tasks: list[Any] = [BashOperator(task_id=name, bash_command="echo 1") for name in ("first", "second", "third")]
        if function is not None:
            tasks.append(PythonOperator(task_id="last", python_callable=function, **options))
        else:
            tasks.append(BashOperator(task_id="last", **options))
        for before, after in pairwise(tasks):
            before >> after
    return dag


@pytest.mark.parametrize(
    ("function", "read"),
    [
        (helper, {("first", "more"), ("second", "more")}),
        (nested, {("first", "more"), ("second", "more")}),
        (calls_itself, {("first", "return_value"), ("second", "return_value")}),
        (calls_back, {("first", "return_value"), ("second", "return_value")}),
        (of_another, set()),
    ],
)
def test_code_that_names_tasks(function: Any, read: set[tuple[str, str]]) -> None:
    assert reads_of(reading(function)).code.get("last", set()) == read


@pytest.mark.parametrize("function", [by_name, by_key, by_dag, handed_on, counting])
def test_code_of_which_only_the_run_can_tell(function: Any) -> None:
    with pytest.raises(Unsupported, match="only the run can tell which results the task 'last' pulls") as error:
        split(dags.lift(reading(function)), max_steps=2)
    assert error.value.step == "last"


def test_callbacks_and_operators_are_read_as_well() -> None:
    from airflow.sdk import BaseOperator

    class Reading(BaseOperator):
        def execute(self, context: Any) -> Any:
            return self.found(context["ti"])

        def found(self, ti: Any) -> Any:
            return ti.xcom_pull(task_ids="second")

    dag = reading(of_another, on_failure_callback=[lambda context: helper(context["ti"])])
    with dag:
        dag.task_dict["last"] >> Reading(task_id="own")
    found = reads_of(dag).code
    assert found["last"] == {("first", "more"), ("second", "more")}
    assert found["own"] == {("second", "return_value")}


def test_template_files(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("echo {{ ti.xcom_pull(task_ids='first') }}")
    assert reads_of(reading(bash_command="run.sh", searched=str(tmp_path))).code == {
        "last": {("first", "return_value")}
    }
    (tmp_path / "run.sh").write_text("echo {{ ti.xcom_pull(task_ids=params.which) }}")
    with pytest.raises(Unsupported, match="only the run can tell"):
        reads_of(reading(bash_command="run.sh", searched=str(tmp_path)))


@pytest.mark.parametrize("text", ["ti.xcom_pull(task_ids=params.which)", "ti.xcom_pull", "ti.xcom_pull('first', **{})"])
def test_templates_of_which_only_the_run_can_tell(text: str) -> None:
    with pytest.raises(Unsupported, match="only the run can tell"):
        split(dags.lift(reading(bash_command=f"echo {{{{ {text} }}}}")), max_steps=2)


def test_code_waits_for_proxies() -> None:
    dag = reading(helper)
    dags.lower(split(dags.lift(dag), max_steps=2))
    second = parts_of(dag)[1]
    assert second.task_dict["last"].upstream_task_ids == {"couler-gate", "third"}
    assert second.task_dict["couler-gate"].upstream_task_ids == {"first", "second"}
    assert second.task_dict["first"].couler_fields["keys"] == ["couler_cache", "more", "return_value"]


def test_templates_pull_from_the_other_part() -> None:
    dag = reading(bash_command="echo {{ ti.xcom_pull(task_ids='first') }}", env={"A": "{{ ti.xcom_pull('third') }}"})
    dags.lower(split(dags.lift(dag), max_steps=2))
    last = parts_of(dag)[1].task_dict["last"]
    assert last.bash_command == "echo {{ ti.xcom_pull(task_ids='first', dag_id='reading__part-1') }}"
    assert last.env == {"A": "{{ ti.xcom_pull('third') }}"}
    assert last.upstream_task_ids == {"third"}


def test_templates_of_a_result_name_the_part_that_it_is_in() -> None:
    dag = reading(bash_command="echo 1")
    dag.task_dict["last"].bash_command = f"echo {dag.task_dict['third'].output} {dag.task_dict['first'].output}"
    dags.lower(split(dags.lift(dag), max_steps=2))
    assert parts_of(dag)[1].task_dict["last"].bash_command == (
        "echo {{ task_instance.xcom_pull(task_ids='third', dag_id='reading__part-2', key='return_value') }}"
        " {{ task_instance.xcom_pull(task_ids='first', dag_id='reading__part-1', key='return_value') }}"
    )


def test_a_call_that_names_tasks_here_and_there_gets_proxies() -> None:
    dag = reading(bash_command="echo {{ ti.xcom_pull(task_ids=['first', 'third']) }}")
    dags.lower(split(dags.lift(dag), max_steps=2))
    last = parts_of(dag)[1].task_dict["last"]
    assert last.bash_command == "echo {{ ti.xcom_pull(task_ids=['first', 'third']) }}"
    assert last.upstream_task_ids == {"couler-gate", "third"}


@pytest.mark.parametrize(
    ("text", "new"),
    [
        ("{{ ti.xcom_pull('a') }}", "{{ ti.xcom_pull('a', dag_id='new') }}"),
        ("{{ ti.xcom_pull('a', 'old') }}", "{{ ti.xcom_pull('a', 'new') }}"),
        ("é {{ ti.xcom_pull(dag_id='old', task_ids='é') }} é", "é {{ ti.xcom_pull(dag_id='new', task_ids='é') }} é"),
        (
            "{{ ti.xcom_pull(\n  task_ids='a',\n  key='k',\n) }}",
            "{{ ti.xcom_pull(\n  task_ids='a',\n  key='k', dag_id='new',\n) }}",
        ),
        ("{{ ti.xcom_pull(\n 'é', dag_id='old') | e }}", "{{ ti.xcom_pull(\n 'é', dag_id='new') | e }}"),
        (
            "{% set x = ti.xcom_pull('a') %}{{ ti.xcom_pull ('b') }}",
            "{% set x = ti.xcom_pull('a', dag_id='new') %}{{ ti.xcom_pull ('b', dag_id='new') }}",
        ),
        ("{{ ti.xcom_pull() }} ti.xcom_pull('a')", "{{ ti.xcom_pull() }} ti.xcom_pull('a')"),
    ],
)
def test_templates_that_name_another_dag(text: str, new: str) -> None:
    def where(call: Named) -> str | None:
        return "new" if call.tasks else None

    assert with_dag_ids(text, where) == new
    assert with_dag_ids(new, where) == new
