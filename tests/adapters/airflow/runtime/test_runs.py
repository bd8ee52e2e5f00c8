"""What a task does with the cache around it: looks up, computes, keeps, and tells."""

from __future__ import annotations

import functools
import logging
import time
from typing import Any

import pytest

from airflow_dags import FakeInstance
from airflow_runs import FILE, XCOM, Runs
from couler_airflow.cache.rows import Owner

pytestmark = [pytest.mark.airflow, pytest.mark.sampled]


def test_the_second_run_finds_what_the_first_has_kept(runs: Runs) -> None:
    value, told = runs.run()
    assert (value, runs.calls, told["hit"]) == (10, 1, False)
    again, told_again = runs.run()
    assert (again, runs.calls, told_again["hit"]) == (10, 1, True)
    assert (told_again["key"], told_again["token"]) == (told["key"], told["token"])
    assert told_again["saved_seconds"] >= 0
    (entry,) = runs.entries()
    assert (entry.meta.family, entry.meta.step, entry.meta.run, entry.key) == ("d", "work", "run", told["key"])
    assert entry.meta.type == "airflow.providers.standard.decorators.python._PythonDecoratedOperator"


def test_a_second_try_computes_and_takes_the_place_of_the_result(runs: Runs) -> None:
    _, first = runs.run()
    _, same = runs.run(try_number=2)
    assert (runs.calls, same["hit"], same["token"]) == (2, False, first["token"])
    value, told = runs.run(try_number=2, compute=lambda: 11)
    assert (value, told["key"]) == (11, first["key"])
    assert told["token"] != first["token"], "what comes after it by order only has to see that it made something else"
    value, again = runs.run()
    assert (value, again["hit"], again["token"]) == (11, True, told["token"])


def test_a_run_may_ask_for_all_anew_or_for_no_cache(runs: Runs) -> None:
    runs.run()
    _, told = runs.run(conf={"couler": "refresh"})
    assert (runs.calls, told["hit"]) == (2, False)
    _, told = runs.run(conf={"couler": "off"})
    assert (runs.calls, told) == (3, {})
    _, told = runs.run(conf={"couler": 7})
    assert (runs.calls, told["hit"]) == (3, True)


def test_a_result_that_is_too_old_is_computed_again(runs: Runs) -> None:
    runs.run(ttl=100.0)
    runs.run(ttl=100.0)
    assert runs.calls == 1
    time.sleep(0.01)
    runs.run(ttl=0.001)
    assert runs.calls == 2
    runs.run(ttl=100.0)
    assert runs.calls == 2, "what was computed again has taken its place"


@pytest.mark.parametrize("text", [FILE, FILE.replace("work(x)", "work()").replace("x * 2", "5").replace("(5)", "()")])
def test_another_version_computes_again(runs: Runs, text: str) -> None:
    keys = [runs.run(text, version=version)[1]["key"] for version in ("", "1", "2", "1", "2")]
    assert (runs.calls, len({*keys})) == (3, 3)


def test_the_version_of_a_dag_counts_beside_that_of_a_task(runs: Runs) -> None:
    def version(whole: str, own: str) -> str:
        marks = f"    cached(work(5), version={own!r})\ncached(dag, version={whole!r})\n"
        dag = runs.files.dag("from couler_airflow import cached\n" + FILE.replace("    work(5)\n", marks))
        said = Owner(dag).says(dag.task_dict["work"])
        assert said is not None
        return said[1].version

    assert (version("", ""), version("", "2")) == ("", "2")
    assert len({version(whole, own) for whole in ("", "1", "2") for own in ("", "1", "2")}) == 9


@pytest.mark.parametrize("value", [None, 0, "", [], {}, 1.5, "ö\udce4", {"a": [1, (2, 3)]}, {1, 2}, b"bytes"])
def test_a_hit_returns_an_equal_value_of_the_same_type(runs: Runs, value: Any) -> None:
    first, _ = runs.run(compute=lambda: value)
    second, _ = runs.run(compute=lambda: value)
    assert first == second == value
    assert type(first) is type(second)
    assert runs.calls == (2 if value is None or value == b"bytes" else 1)


@pytest.mark.parametrize("body", ["return x * 2", "print(x)"])
def test_a_none_without_an_xcom_is_not_kept(runs: Runs, body: str, caplog: pytest.LogCaptureFixture) -> None:
    """That is usual, and in every run: one line for those who look for it."""
    with caplog.at_level(logging.DEBUG):
        _, told = runs.run(FILE.replace("return x * 2", body), compute=lambda: None)
    assert (told["cached"], "token" in told) == (False, False)
    assert runs.entries() == []
    ours = [record for record in caplog.records if record.name.startswith("couler_airflow")]
    assert [(record.levelname, record.getMessage()) for record in ours] == [("DEBUG", "returned nothing: not stored")]


def test_a_value_that_is_not_handed_on_is_not_kept(runs: Runs) -> None:
    runs.run(FILE.replace("@task\n", "@task(do_xcom_push=False)\n"))
    assert runs.entries() == []


def test_what_a_task_pushes_itself_is_pushed_again(runs: Runs) -> None:
    def compute() -> None:
        runs.ti.xcom_push("rows", 7)
        runs.ti.xcom_push(key="more", value={"a": 1})

    runs.run(compute=compute)
    pushed = dict(runs.ti.pushed)
    value, told = runs.run(compute=compute)
    assert (value, runs.calls, told["hit"]) == (None, 1, True)
    assert {name: item for name, item in runs.ti.pushed.items() if name != XCOM} == {"rows": 7, "more": {"a": 1}}
    assert {name: item for name, item in pushed.items() if name != XCOM} == {"rows": 7, "more": {"a": 1}}


def test_what_a_task_raises_goes_through_and_nothing_is_kept(runs: Runs) -> None:
    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.run(compute=fail)
    assert runs.entries() == []
    runs.run()
    assert runs.calls == 2


def test_a_task_is_resumed_with_what_is_in_its_key(runs: Runs) -> None:
    """What it did before it was deferred is known to nobody, so it does that in each run."""
    resumed = [[], {"next_method": "done", "next_kwargs": {"event": 1}}]
    for calls, arguments in enumerate(
        [resumed, None, [[], {"next_method": "done", "next_kwargs": {"event": 2}}], [[], {"next_method": "end"}]], 1
    ):
        assert not runs.run(resumed=arguments)[1]["hit"]
        assert runs.calls == calls
    assert runs.run(resumed=resumed)[1]["hit"]


ORDER = """
with DAG("d", schedule=None) as dag:
    @task
    def before(x):
        return x
    @task
    def work(x):
        return x * 2
    {}
"""


def test_what_runs_before_it_by_order_is_in_the_key(runs: Runs) -> None:
    text = ORDER.format("before(1) >> work(5)")
    first = {"before": [{"token": "a", "key": "k"}]}
    runs.run(text, xcoms=first)
    runs.run(text, xcoms=first)
    assert runs.calls == 1
    assert runs.entries()[0].meta.parents == ("k",)
    runs.run(text, xcoms={"before": [{"token": "b", "key": "k"}]})
    assert runs.calls == 2


@pytest.mark.parametrize("told", [[], [{"key": "k"}], [{"cached": False, "reason": "?"}], ["x"], [{"token": None}]])
def test_what_has_no_key_before_it_makes_it_uncacheable(runs: Runs, told: list[Any]) -> None:
    text = ORDER.format("before(1) >> work(5)")
    for _ in range(2):
        _, said = runs.run(text, xcoms={"before": told})
        assert (said["cached"], "token" in said, "'before'" in said["reason"]) == (False, False, True)
    assert runs.calls == 2


def test_a_value_that_is_handed_over_cuts_the_lineage(runs: Runs) -> None:
    text = ORDER.format("work(before(1))")
    for token in ("a", "b"):
        dag = runs.files.dag(text)
        from couler_airflow.marks import Declaration
        from couler_airflow.runtime.upstream import Before

        task = dag.task_dict["work"]
        assert Before(task, FakeInstance(task, xcoms={"before": [{"token": token}]}), Declaration()).tokens() == []
        # Who reads files sees more of what ran before it than the value.
        reads = Before(task, FakeInstance(task, xcoms={"before": [{"token": token}]}), Declaration(allow=("files",)))
        assert reads.tokens() == [token]


def test_all_of_a_mapped_task_before_it_have_to_have_keys(runs: Runs) -> None:
    text = ORDER.format("before.expand(x=[1, 2]) >> work(5)")
    both = [{"token": "a"}, {"token": "b"}]
    _, told = runs.run(text, xcoms={"before": both})
    assert told["cached"]
    _, told = runs.run(text, xcoms={"before": both[:1]})
    assert "not all of 'before'" in told["reason"]


def test_of_what_is_expanded_together_with_it_only_the_instance_beside_it_counts(runs: Runs) -> None:
    group = "@task_group\n    def group(x):\n        before(x) >> work(5)\n    group.expand(x=[1, 2])"
    text = "from airflow.sdk import task_group\n" + ORDER.format(group)
    for tokens in (["a", "b"], ["c", "b"]):
        _, told = runs.run(text, task_id="group.work", xcoms={"group.before": [{"token": token} for token in tokens]})
        assert told["cached"]
    assert runs.calls == 1, "another instance of the group made something else, and this one does not see it"
    _, told = runs.run(text, task_id="group.work", xcoms={"group.before": [{"token": "a"}, {"token": None}]})
    assert "'group.before'" in told["reason"]


def test_what_does_nothing_is_looked_through(runs: Runs) -> None:
    text = "from airflow.providers.standard.operators.empty import EmptyOperator\n" + ORDER.format(
        'before(1) >> EmptyOperator(task_id="e") >> work(5)'
    )
    _, told = runs.run(text, xcoms={"before": [{"token": "a"}]}, task_id="work")
    assert told["cached"]
    _, told = runs.run(text, task_id="work")
    assert "'before'" in told["reason"]


def test_a_branch_always_runs_and_tells_its_choice(runs: Runs) -> None:
    tokens = []
    for chosen in ("a", "a", "b"):
        value, told = runs.run(compute=functools.partial(str, chosen), stores=False)
        assert (value, told["cached"]) == (chosen, False)
        tokens.append(told["token"])
    assert runs.calls == 3
    assert tokens[0] == tokens[1] != tokens[2]
    assert runs.entries() == []


class DownstreamTasksSkipped(Exception):
    tasks = ("b",)


def test_a_branch_that_skips_tells_it_as_well(runs: Runs) -> None:
    def skip() -> None:
        raise DownstreamTasksSkipped

    with pytest.raises(DownstreamTasksSkipped):
        runs.run(compute=skip, stores=False)
    assert runs.ti.pushed[XCOM]["token"]
