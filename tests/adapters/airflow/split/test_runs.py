"""DAGs run whole and in parts: the same comes of both, whatever fails or is skipped."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.airflow.examples import each_dag, lifted
from adapters.airflow.running import Outcome, run
from adapters.airflow.split.running import alone, run_parts, smallest_split
from adapters.airflow.split.test_structure import chain, halves
from adapters.airflow.test_running import LEFT_OUT
from couler_airflow import dags
from couler_airflow.bundle import DagBundle
from couler_airflow.lower import commit
from couler_airflow.split.bonds import COUNTS_ONE
from couler_airflow.split.commit import parts_of
from couler_airflow.trigger_rules import RULES
from support import first_of

pytestmark = pytest.mark.airflow

EAGER = frozenset({"one_done", "one_failed", "one_success"})
"""Rules that do not wait for all."""
FAST = ("example_xcom",)
ITS_ID = "its results hold the id of the DAG"
NAMES_ITSELF = {"example_bash_decorator": ITS_ID, "example_bash_operator": ITS_ID}
"""DAGs whose results tell whether they were split, and why."""
MANY = ("example_complex", "example_short_circuit_decorator", "example_task_group_decorator")
"""DAGs of many tasks, each of which is a part with a run of its own; smaller ones are like them."""
WHOLE = {
    "example_branch_dop_operator_v3": "depends_on_past",
    "example_branch_datetime_operator": "chooses which of them run",
    "example_branch_datetime_operator_2": "chooses which of them run",
    "example_branch_datetime_operator_3": "chooses which of them run",
    "example_dynamic_task_mapping": "is expanded into",
    "example_dynamic_task_mapping_with_no_taskflow_operators": "is expanded into",
    "example_params_trigger_ui": "is expanded",
    "example_task_group_mapping": "is expanded as a whole",
    "example_task_mapping_second_order": "is expanded over",
    "latest_only": "asks when the DAG runs next",
    "latest_only_with_trigger": "asks when the DAG runs next",
}
"""DAGs with several tasks that cannot be cut anywhere, and words of the reason."""


def before_and_after(bundle: DagBundle, number: int) -> tuple[Outcome, Outcome]:
    """What comes of a DAG in one piece, and in the smallest parts that it can be cut into."""
    new, reason = smallest_split(alone(lifted(bundle), number))
    assert new is not None, reason
    dag = bundle.live[number].dag
    before = run(dag)
    done = commit(new)
    try:
        assert not done.lowered.refused
        return before, run_parts(dag)
    finally:
        done.undo()


def in_pieces() -> Iterator[tuple[DagBundle, int, str]]:
    """The example DAGs that have more than one task and run here."""
    for bundle, number, dag in each_dag():
        if len(dag.task_dict) > 1 and dag.dag_id not in LEFT_OUT:
            yield bundle, number, dag.dag_id


@pytest.mark.parametrize("dag_id", FAST)
def test_the_same_comes_of_it_in_parts(dag_id: str) -> None:
    bundle, number = next((bundle, number) for bundle, number, name in in_pieces() if name == dag_id)
    before, after = before_and_after(bundle, number)
    assert before == after
    assert before.states


@pytest.mark.parametrize(
    ("are_many", "least"),
    [pytest.param(False, 21, marks=pytest.mark.slow), pytest.param(True, len(MANY), marks=pytest.mark.long)],
)
def test_the_same_comes_of_all_that_can_be_cut(are_many: bool, least: int) -> None:
    differing: dict[str, Any] = {}
    ran: list[str] = []
    for bundle, number, dag_id in in_pieces():
        if dag_id not in WHOLE | NAMES_ITSELF and (dag_id in MANY) is are_many:
            before, after = before_and_after(bundle, number)
            if before != after or not before.states:
                differing[dag_id] = (before, after)
            ran.append(dag_id)
    assert not differing
    assert len(ran) >= least


def test_what_cannot_be_cut_says_why() -> None:
    said = {}
    for bundle, number, dag_id in in_pieces():
        new, reason = smallest_split(alone(lifted(bundle), number))
        if new is None:
            said[dag_id] = reason
    assert said.keys() == WHOLE.keys()
    for dag_id, words in WHOLE.items():
        assert words in said[dag_id], dag_id


@pytest.mark.parametrize("seed", first_of(range(16), 0), ids="seed {}".format)
def test_rules_and_failures_in_any_graph(seed: int) -> None:
    """Tasks that succeed, fail and are skipped, with every trigger rule, in a graph that is drawn."""
    whole, parts = drawn(seed), drawn(seed)
    before = run(whole)
    new, reason = smallest_split(dags.lift(parts))
    assert new is not None, reason
    dags.lower(new)
    assert len(parts_of(parts)) > 1
    after = run_parts(parts)
    if not (raced := races(whole, before)):
        assert before == after
    assert {task: state for task, state in before.states.items() if task[0] not in raced} == {
        task: state for task, state in after.states.items() if task[0] not in raced
    }


def races(dag: Any, outcome: Outcome) -> set[str]:
    """The tasks whose state hangs on which of two others ended first, one skipped and one failed; and what follows.

    In parts, a failure counts before a skip, unless the one that was skipped comes before the other.
    """
    found: set[str] = set()
    for task in sorted(dag.task_dict.values(), key=lambda task: int(task.task_id[1:])):
        ended = {name: outcome.states[name, -1] for name in task.upstream_task_ids}
        skipped = {name for name, state in ended.items() if state == "skipped"}
        failed = {name for name, state in ended.items() if "failed" in state}
        tied = any(
            name not in dag.task_dict[other].get_flat_relative_ids(upstream=True)
            for name in skipped
            for other in failed
        )
        if (task.trigger_rule == "all_success" and tied) or found & task.upstream_task_ids:
            found.add(task.task_id)
    return found


def drawn(seed: int) -> Any:
    """A DAG of 12 tasks, which read what others before them left: handed on, by templates, and in code."""
    from airflow.sdk import DAG, task
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

    draw = random.Random(seed)
    rules = sorted(RULES.keys() - {"all_done_setup_success", "always"})  # of teardowns, and of who waits for nobody
    with DAG(f"drawn_{seed}", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:

        def does(ends: str, told: Any, text: str, ti: Any) -> list[Any]:
            if ends == "fails":
                raise AirflowFailException("as drawn")
            if ends == "is skipped":
                raise AirflowSkipException("as drawn")
            ti.xcom_push("more", [ends, ti.task_id])
            return [ends, told, text]

        @task
        def work(ends: str, told: Any = None, text: str = "", ti: Any = None) -> list[Any]:
            return does(ends, told, text, ti)

        @task
        def pulls(ends: str, told: Any = None, text: str = "", ti: Any = None) -> list[Any]:
            return [*does(ends, told, text, ti), ti.xcom_pull(task_ids="t0", key="more")]

        made: list[Any] = []
        above: list[
            set[int]
        ] = []  # what has ended before each task starts: of others, only chance says whether they have
        for number in range(12):
            before = draw.sample(range(max(0, number - 5), number), min(number, draw.randrange(1, 4)))
            ends = draw.choices(["succeeds", "fails", "is skipped"], (8, 1, 1) if number else (1, 0, 0))[0]
            rule = draw.choice(rules) if before and draw.random() < 0.5 else "all_success"
            # Of what comes further before, only a task that waits for success knows that it has ended.
            further = [far for near in before if rule == "all_success" for far in above[near]]
            above.append(set(before[: len(before) == 1]) if rule in EAGER else {*before, *further})
            told = made[draw.choice(before)] if before and rule not in EAGER and draw.random() < 0.4 else None
            read = draw.sample(sorted(above[number]), min(2, len(above[number])))
            texts = [f"{{{{ ti.xcom_pull(task_ids='t{other}') }}}}" for other in read]
            function = pulls if rule not in COUNTS_ONE and number and draw.random() < 0.3 else work
            one = function.override(task_id=f"t{number}", trigger_rule=rule)(ends, told, " ".join(texts))
            for other in before:
                made[other] >> one
            made.append(one)
    return dag


def test_a_split_dag_under_test_says_why_it_cannot_run(capfd: pytest.CaptureFixture[str]) -> None:
    dag = chain()
    halves(dag)
    outcome = run(dag)
    assert set(outcome.states.values()) == {"failed"}
    assert "has no scheduler that starts chained__part-1: to test the DAG in one piece, set" in capfd.readouterr().out


@pytest.mark.slow
def test_many_last_tasks_with_long_names() -> None:
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import DAG

    with DAG("ending", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        EmptyOperator(task_id="first") >> [EmptyOperator(task_id=f"{number:0240d}") for number in range(300)]
    halves(dag, 290)
    outcome = run_parts(dag)
    assert (outcome.state, len(outcome.states)) == ("success", 301)


def test_messages_name_tasks() -> None:
    wanted = "example_branch_datetime_operator"
    bundle, number = next((bundle, number) for bundle, number, name in in_pieces() if name == wanted)
    _, reason = smallest_split(alone(lifted(bundle), number))
    assert re.search(r"'datetime_branch', 'date_in_range'.* have to stay in one part", reason), reason
