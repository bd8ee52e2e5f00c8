"""`@tune`: trials run as mapped tasks, and the best setting is what the task then runs with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.airflow.running import run
from couler_airflow import tune
from couler_airflow.bundle import snapshot
from couler_plugins.errors import CoulerError

pytestmark = pytest.mark.airflow

DATA = {"name": "bowl", "metric": "auc"}
SPACE: dict[str, Any] = {
    "rate": {"type": "float", "low": 0, "high": 1},
    "depth": {"type": "int", "low": 1, "high": 8},
}
TUNER = "optuna{seed=3}"


def auc(rate: float, depth: int) -> float:
    return 1 - abs(rate - 0.3) - 0.1 * abs(depth - 5)


def dag_of(log: Path, *, failing: Any = None, trials: int = 6, number: bool = False, **options: Any) -> Any:
    """A DAG whose training writes down its settings.

    Args:
        log: where to.
        failing: whether a training with a rate and a depth fails.
        trials: how many.
        number: whether it returns the metric alone.
        options: of `@task`.
    """
    from airflow.sdk import DAG, task

    with DAG("tuned", schedule=None) as dag:

        @task
        def load() -> str:
            return "usage"

        @tune(data=DATA, space=SPACE, trials=trials, tuner=TUNER)
        @task(**options)  # type: ignore[untyped-decorator]  # nobody types what takes any option
        def train(table: str, rate: float = 0.9, depth: int = 3, ti: Any = None) -> Any:
            with log.open("a") as file:
                file.write(json.dumps([table, rate, depth, ti.task_id]) + "\n")
            if failing is not None and failing(rate, depth):
                raise ValueError("this setting is none")
            return auc(rate, depth) if number else {"auc": auc(rate, depth), "model": [rate, depth]}

        @task
        def report(made: Any) -> Any:
            return made

        report(train(load()))
    return dag


def rows(log: Path) -> list[list[Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.parametrize("number", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_trials_really_run_and_the_best_is_picked(tmp_path: Path, number: bool) -> None:
    log = tmp_path / "log"
    dag = dag_of(log, number=number)
    assert list(dag.task_dict) == ["load", "train_trials", "train_best", "train", "report"]
    done = run(dag)
    assert done.state == "success"
    *tried, last = rows(log)
    assert [row[3] for row in tried] == ["train_trials"] * 6
    assert ["usage", 0.9, 3, "train_trials"] in tried
    _, rate, depth, _ = max(tried, key=lambda row: auc(row[1], row[2]))
    assert (rate, depth) != (0.9, 3)
    assert last == ["usage", rate, depth, "train"]
    expected: Any = auc(rate, depth) if number else {"auc": auc(rate, depth), "model": [rate, depth]}
    assert done.xcoms["report", -1, "return_value"] == str(expected)


def test_trials_that_fail_count_for_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = run(dag_of(log, failing=lambda rate, depth: (rate, depth) != (0.9, 3)))
    assert done.state == "success"
    assert [done.states["train_trials", index] for index in range(6)] == ["success", *["failed"] * 5]
    assert rows(log)[-1] == ["usage", 0.9, 3, "train"]


@pytest.mark.slow
def test_where_all_trials_fail_the_task_runs_as_its_owner_set_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = run(dag_of(log, failing=lambda rate, depth: True))
    assert done.state == "failed"
    assert rows(log)[-1] == ["usage", 0.9, 3, "train"]
    assert done.states["train", -1] == "failed"


def test_every_reading_of_the_file_gives_the_same(tmp_path: Path) -> None:
    one, two = (snapshot(dag_of(tmp_path / "log", retries=2)) for _ in range(2))
    assert one == two


def test_options_of_the_task_hold_for_trials(tmp_path: Path) -> None:
    dag = dag_of(tmp_path / "log", retries=2, task_id="fit")
    assert dag.task_dict["fit_trials"].partial_kwargs["retries"] == 2
    assert dag.task_dict["fit"].retries == 2


def test_so_many_trials_run_at_a_time() -> None:
    from airflow.sdk import DAG, task

    dag: Any = DAG("some", schedule=None)
    with dag:
        tune(data=DATA, space=SPACE, trials=4, parallel=2)(task(train)).override(task_id="fit")(rate=0.5, depth=3)
    trials: Any = dag.task_dict["fit_trials"]
    assert trials.partial_kwargs["max_active_tis_per_dagrun"] == 2
    assert dag.task_dict["fit"].max_active_tis_per_dagrun is None


def decorated(function: Any, **said: Any) -> Any:
    from airflow.sdk import DAG, task

    with DAG("refused", schedule=None):
        return tune(**{"data": DATA, "space": SPACE, "trials": 3, **said})(task(function))


def train(rate: float = 0.5, depth: int = 3) -> float:
    return rate * depth


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"trials": 1}, "trials: 1 is no number from 2 to 1,000"),
        ({"trials": 1_001}, "trials: 1001 is no number"),
        ({"trials": "8"}, "trials: '8' is no number"),
        ({"parallel": -1}, "parallel: -1 is no number of trials"),
        ({"space": {}}, "space"),
        ({"space": {"rat": SPACE["rate"]}}, "has no parameter 'rat'"),
    ],
    ids=["one", "many", "text", "less", "space", "name"],
)
def test_what_makes_no_sense_is_refused(said: dict[str, Any], message: str) -> None:
    with pytest.raises(CoulerError, match=message) as caught:
        decorated(train, **said)
    assert caught.value.hint or said.get("space") == {}


def test_what_only_a_run_knows_and_what_is_out_of_the_space_is_refused() -> None:
    from airflow.sdk import DAG, task

    tuned = decorated(train)
    with DAG("refused", schedule=None):
        with pytest.raises(CoulerError, match="gets 'rate' from another task"):
            tuned(rate=task(train)())
        with pytest.raises(CoulerError, match="depth is set to 99"):
            tuned(depth=99)


def test_what_is_passed_beside_its_parameters_is_passed_on() -> None:
    def train(table: str, rate: float = 0.5, **others: Any) -> float:
        return rate

    from airflow.sdk import DAG, task

    with DAG("others", schedule=None) as made:
        tune(data=DATA, space={"rate": SPACE["rate"]}, trials=2)(task(train))("usage", extra=1)
    dag: Any = made
    given = dag.task_dict["train"].op_kwargs
    assert {name: given[name] for name in given if name != "rate"} == {"table": "usage", "extra": 1}
    assert dag.task_dict["train_trials"].partial_kwargs["op_kwargs"] == {"table": "usage", "extra": 1}


def test_what_is_mapped_or_takes_values_by_their_position_is_refused() -> None:
    with pytest.raises(CoulerError, match="is mapped"):
        decorated(train).expand(rate=[0.1, 0.2])
    with pytest.raises(CoulerError, match="is mapped"):
        decorated(train).partial(depth=3)

    def by_position(table: str, /, rate: float = 0.5, depth: int = 3) -> float:
        return rate * depth

    with pytest.raises(CoulerError, match="takes 'table' by its position"):
        decorated(by_position)


def test_a_model_is_not_asked_while_the_file_is_read() -> None:
    tuned = decorated(train, tuner="llm{model=gpt,url=http://127.0.0.1:9/v1}")
    with pytest.raises(CoulerError, match="whenever the file is read") as caught:
        tuned()
    assert "replay" in (caught.value.hint or "")


def test_only_functions_of_workers_are_tuned() -> None:
    from airflow.sdk import task

    with pytest.raises(CoulerError, match="only a @task function"):
        tune(data=DATA, space=SPACE, trials=2)(train)
    with pytest.raises(CoulerError, match="from its source alone"):
        tune(data=DATA, space=SPACE, trials=2)(task.virtualenv(train))
