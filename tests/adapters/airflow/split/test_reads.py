"""What tasks read of others beside what they are handed: in code, in template files, in templates that name DAGs."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from adapters.airflow.split.running import split
from couler_airflow import dags
from couler_airflow.pulls import Named, with_dag_ids
from couler_airflow.split.commit import parts_of
from couler_airflow.split.reads import reads_of
from couler_plugins.errors import CoulerError, Unsupported

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
    return ti.xcom_pull(task_ids="first", dag_id="other", run_id="once"), ti.xcom_pull(key="mine")


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


def parted(dag: Any, steps: int = 2) -> Any:
    """The task that comes last, once the DAG is split."""
    dags.lower(split(dags.lift(dag), max_steps=steps))
    return next(part.task_dict["last"] for part in reversed(parts_of(dag)) if "last" in part.task_dict)


def test_a_proxy_of_somebody_else_is_not_waited_for() -> None:
    """`other` has a proxy of `first`, for which `last` does not wait: it may run before that has ended."""
    from airflow.providers.standard.operators.bash import BashOperator

    dag = reading(bash_command="echo {{ ti.xcom_pull(task_ids='first', key='more') }}")
    with dag:
        dag.task_dict["first"] >> BashOperator(task_id="other", bash_command="echo") >> dag.task_dict["last"]
    dag.task_dict["third"].downstream_task_ids.discard("last")
    dag.task_dict["last"].upstream_task_ids.discard("third")
    dag.task_dict["last"].upstream_task_ids.add("second")
    dag.task_dict["second"].downstream_task_ids.add("last")
    last = parted(dag)
    assert "first" in last.dag.task_dict
    assert last.bash_command == "echo {{ ti.xcom_pull(task_ids='first', key='more', dag_id='reading__part-1') }}"


def test_what_code_and_a_template_read_is_there_for_both() -> None:
    last = parted(reading(helper, op_args=["{{ ti.xcom_pull(task_ids='first', key='more') }}"], do_xcom_push=True))
    assert "couler-gate" in last.upstream_task_ids
    assert last.dag.task_dict["first"].couler_fields["keys"] == ["couler_cache", "more", "return_value"]


class Pair(NamedTuple):
    text: str


class Holder:
    template_fields = ("text",)

    def __init__(self, text: Any) -> None:
        self.text = text


TEXT = "{{ ti.xcom_pull(task_ids='first') }}"


@pytest.mark.parametrize(
    "value", [{TEXT}, Pair(TEXT), Holder(TEXT), [Holder([TEXT])]], ids=["set", "pair", "holder", "list"]
)
def test_texts_that_cannot_be_replaced_wait_for_proxies(value: Any) -> None:
    last = parted(reading(do_nothing, op_args=[value]))
    assert "couler-gate" in last.upstream_task_ids
    assert last.dag.task_dict["first"].couler_fields["keys"] == ["couler_cache", "return_value"]


def do_nothing(*_: Any) -> None: ...


def expanded(text: str) -> Any:
    from airflow.providers.standard.operators.bash import BashOperator

    dag = reading(bash_command="echo")
    with dag:
        made = BashOperator.partial(task_id="expanded").expand(bash_command=[text, "echo 2"])
        dag.task_dict["last"] >> made
    return dag


@pytest.mark.parametrize(
    "text",
    [
        "echo {{ ti.xcom_pull(task_ids=params.which) }}",
        "echo {{ ti.xcom_pull(task_ids='first', dag_id='reading') }}",
        "echo {{ {'a': {'b': 1}}[ti.xcom_pull('first')] }}",
        "echo {% raw %}{{ ti.xcom_pull('first') }}{% endraw %}",
    ],
)
def test_texts_that_a_task_is_expanded_over(text: str) -> None:
    with pytest.raises(Unsupported, match="only the run can tell which results the task 'expanded'"):
        split(dags.lift(expanded(text)), max_steps=2)


def test_a_text_that_a_task_is_expanded_over_finds_what_it_pulls() -> None:
    dag = expanded("echo {{ ti.xcom_pull('first') }}")
    assert reads_of(dag).code == {"expanded": {("first", "return_value")}}


@pytest.mark.parametrize(
    "text",
    [
        "echo {{ {'a': {'b': 1}}[ti.xcom_pull('first')] }}",
        "echo {% raw %}{{ ti.xcom_pull('first') }}{% endraw %}",
        "echo {{ ti|attr('xcom_pull')('first') }}",
        "{% include params.which %}",
    ],
)
def test_templates_that_are_not_legible(text: str) -> None:
    with pytest.raises(Unsupported, match="only the run can tell"):
        reads_of(reading(bash_command=text))


def test_texts_that_are_no_templates_are_left_alone() -> None:
    assert reads_of(reading(bash_command="echo ti.xcom_pull {{ ds }} ti.xcom_pull('first')")) == ({}, {})


def test_other_delimiters() -> None:
    dag = reading(bash_command="echo [[ ti.xcom_pull('first') ]]")
    dag.jinja_environment_kwargs = {"variable_start_string": "[[", "variable_end_string": "]]"}
    with pytest.raises(Unsupported, match="only the run can tell"):
        reads_of(dag)


def test_files_that_templates_include(tmp_path: Path) -> None:
    (tmp_path / "inner.sh").write_text("echo {{ ti.xcom_pull(task_ids='first') }}")
    (tmp_path / "outer.sh").write_text("{% include 'inner.sh' %}")
    found = {"last": {("first", "return_value")}}
    assert reads_of(reading(bash_command="outer.sh", searched=str(tmp_path))).code == found
    assert reads_of(reading(bash_command="{% include 'outer.sh' %};", searched=str(tmp_path))).code == found


def test_templates_that_look_at_earlier_runs() -> None:
    for text in ("{{ prev_start_date_success }}", "{{ ti.get_previous_ti() }}"):
        with pytest.raises(Unsupported, match="'last' looks at earlier runs"):
            reads_of(reading(bash_command=text))
    assert reads_of(reading(bash_command="echo prev_start_date_success")) == ({}, {})


def test_who_may_start_before_others_have_ended_is_with_what_its_code_reads() -> None:
    with pytest.raises(CoulerError, match="'last' reads its result, and could not wait for that alone"):
        parted(reading(helper, trigger_rule="one_failed"), 3)


def test_code_that_reads_what_a_task_was_expanded_into() -> None:
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG, task

    with DAG("expanding", schedule=None, start_date=START) as dag:
        many = BashOperator.partial(task_id="many").expand(bash_command=["echo 1", "echo 2"])

        @task
        def reads(ti: Any = None) -> Any:
            return list(ti.xcom_pull(task_ids="many"))

        many >> BashOperator(task_id="after", bash_command="echo") >> reads()
    with pytest.raises(CoulerError, match="'reads' reads all results of 'many'"):
        split(dags.lift(dag), max_steps=2)
