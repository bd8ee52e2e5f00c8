"""Retries of tasks: their delays, the policy that asks the table of causes, and what this Airflow has of both."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from airflow_dags import DagFiles, dag_files
from couler_airflow import retries
from couler_airflow.airflow_compat import retry_defaults
from couler_airflow.retries import repeats, retry_by_cause, retry_of, write_retry
from couler_plugins import optimize
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.causes import Cause
from couler_plugins.ir import Expression, Literal, Native, Retry, replace
from couler_plugins.options.rows import Row
from couler_plugins.reliability import table
from couler_plugins.runs import Attempt, Run, StepRun
from rightsizing.drawn import history_in

pytestmark = pytest.mark.airflow
__all__ = ["dag_files"]

FILE = """
    from datetime import timedelta
    from airflow.providers.standard.operators.empty import EmptyOperator

    with DAG("d", schedule=None) as dag:
        EmptyOperator(task_id="a", {fields})
        EmptyOperator.partial(task_id="b", {fields}).expand(doc_md=["x", "y"])
"""
CAUSES = [
    structs.replace(cause, cause_class="deterministic") if cause.cause_class == "resource" else cause
    for cause in table.CAUSES
]
"""The table as `guard` gives it where attempts do not get more memory."""
START = 1.7e9
GROWS = Retry(limit=Literal(value=3), delay=Literal(value=4), factor=Literal(value=2), max_delay=Literal(value=60))


def tasks(files: DagFiles, fields: str) -> list[Any]:
    return list(files.dag(FILE.format(fields=fields)).task_dict.values())


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("retries=0, retry_delay=timedelta(seconds=4)", None),
        ("retries=2", Retry(limit=Literal(value=2))),
        ("retries=2, retry_delay=timedelta(0)", Retry(limit=Literal(value=2), delay=Literal(value=0))),
        ("retries=2, retry_delay=1.5", Retry(limit=Literal(value=2), delay=Literal(value=1.5))),
        ("retries=2, retry_exponential_backoff=True", Retry(limit=Literal(value=2), factor=Literal(value=2))),
        ("retries=2, max_retry_delay=60", Retry(limit=Literal(value=2), max_delay=Literal(value=60))),
        ("retries=2, retry_exponential_backoff=False", Retry(limit=Literal(value=2))),
    ],
)
def test_what_is_said_of_a_task_is_read(dag_files: DagFiles, fields: str, expected: Retry | None) -> None:
    for task in tasks(dag_files, fields):
        assert retry_of(task) == expected
        task.retries = 0 if expected is None else 1
        if expected is not None:  # nothing is written that stands there already
            before = vars(task).copy()
            write_retry(task, replace(expected, limit=Literal(value=1)), "x")
            assert vars(task) == before


def test_a_factor_of_its_own_is_read_where_there_is_one(dag_files: DagFiles) -> None:
    if isinstance(retry_defaults()[1], bool):
        pytest.skip("this Airflow has no factors of delays: they are doubled, or stay the same")
    for text, factor in (("2.0", 2), ("1.5", 1.5), ("3", 3), ("1", 1)):
        for task in tasks(dag_files, f"retries=2, retry_exponential_backoff={text}"):
            assert retry_of(task) == Retry(limit=Literal(value=2), factor=Literal(value=factor))


def test_what_is_written_is_read_again(dag_files: DagFiles) -> None:
    for task in tasks(dag_files, "retries=1, retry_delay=timedelta(minutes=1), max_retry_delay=90"):
        for retry in (GROWS, Retry(limit=Literal(value=5)), replace(GROWS, delay=Literal(value=0)), None, GROWS):
            write_retry(task, retry, "x")
            assert retry_of(task) == retry
        assert (task.retries, task.retry_delay, task.max_retry_delay) == (3, timedelta(seconds=4), timedelta(minutes=1))
        assert task.retry_exponential_backoff in (2, True)


def test_what_airflow_cannot_do_is_refused(dag_files: DagFiles) -> None:
    (task, _) = tasks(dag_files, "retries=1")
    for feature, retry in {
        "Retry.limit": Retry(),
        "Retry.delay": replace(GROWS, delay=Literal(value="1m")),
        "Retry.factor": replace(GROWS, factor=Literal(value=0)),
        "Retry.max_delay": replace(GROWS, max_delay=Literal(value=-1)),
        "Retry.condition": replace(GROWS, condition=Expression(language="expr", parts=("true",))),
        "Retry.native_extra": replace(GROWS, native_extra=Native.of({"policy": "Always"})),
    }.items():
        with pytest.raises(Unsupported) as caught:
            write_retry(task, retry, "x")
        assert caught.value.feature == feature


def test_where_delays_only_double_other_factors_are_refused(
    dag_files: DagFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "retry_defaults", lambda: (timedelta(minutes=5), False))
    (task, _) = tasks(dag_files, "retries=1")
    write_retry(task, GROWS, "x")
    assert task.retry_exponential_backoff is True
    with pytest.raises(Unsupported, match=r"twofold before Airflow 3\.2"):
        write_retry(task, replace(GROWS, factor=Literal(value=3)), "x")
    write_retry(task, replace(GROWS, factor=None), "x")
    assert task.retry_exponential_backoff is False


def test_where_there_are_no_policies_causes_are_not_told_apart(
    dag_files: DagFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    condition = _guarded(CAUSES).condition if retries._kinds() else Expression(language=retries.POLICY, parts=("{}",))
    retries._condition.cache_clear()
    monkeypatch.setattr(retries, "_kinds", dict)
    try:
        assert retry_by_cause(GROWS, CAUSES, None) is None
    finally:
        retries._condition.cache_clear()
    (task, _) = tasks(dag_files, "retries=1")
    with pytest.raises(Unsupported, match=r"no retry policies; 3\.3 has"):
        write_retry(task, replace(GROWS, condition=condition), "x")


def _guarded(causes: Any) -> Retry:
    retry = retry_by_cause(GROWS, causes, None)
    assert retry is not None
    return retry


class ApiException(Exception):
    """As that of Kubernetes' client."""


class SSLError(ConnectionError):
    """One that no other attempt helps."""


POD = "Pod x-1 returned a failure.\nremote_pod: {{'spec': {{'env': '{padding}'}}, 'status': {{{status}}}}}"


@pytest.fixture
def policy(dag_files: DagFiles) -> Any:
    if not retries._kinds():
        pytest.skip("this Airflow has no retry policies")
    (task, mapped) = tasks(dag_files, "retries=1")
    for one in (task, mapped):
        write_retry(one, _guarded(CAUSES), "x")
        assert retry_of(one) == _guarded(CAUSES)
    return task.retry_policy


@pytest.mark.parametrize(
    ("exception", "cause", "repeated"),
    [
        (ConnectionResetError("peer"), "connection-failed", True),
        (TimeoutError(), "connection-failed", True),
        (ApiException("(503)\nReason: Service Unavailable"), "api-failed", True),
        (ApiException("(403)\nReason: Forbidden"), "api-refused", False),
        (OSError("HTTP 429 Too Many Requests"), "too-many-requests", True),
        (SSLError("certificate verify failed"), "unknown", False),
        (ValueError("no such column"), "program-error", False),
        (MemoryError(), "memory-error", False),
        (Exception(POD.format(padding="x" * 20_000, status="'reason': 'OOMKilled'")), "out-of-memory-in-text", False),
        (Exception(POD.format(padding="x" * 20_000, status="'exit_code': 1, 'reason': 'Error'")), "unknown", False),
        (
            Exception(POD.format(padding="x" * 20_000, status="'message': 'The node was low on resource: memory.'")),
            "node-pressure",
            True,
        ),
    ],
)
def test_the_policy_repeats_what_passes_by_itself(
    policy: Any, exception: Exception, cause: str, repeated: bool
) -> None:
    decision = policy.evaluate(exception, 1, 3)
    assert decision.action.value == ("retry" if repeated else "fail")
    assert decision.reason.startswith(f"{cause} ("), decision.reason
    assert decision.retry_delay is None
    past = Attempt(reason=type(exception).__name__, message=str(exception))
    assert repeats(_guarded(CAUSES), past) is repeated


def test_nobody_asks_the_policy_when_a_worker_dies(policy: Any) -> None:
    assert repeats(_guarded(CAUSES), Attempt(reason="SIGKILL", message="Process terminated by signal."))


def test_the_policy_is_what_it_was_once_it_has_been_serialized(policy: Any) -> None:
    assert type(policy).deserialize(policy.serialize()).causes == policy.causes
    assert not any(cause.exit_codes or (cause.engines and "airflow" not in cause.engines) for cause in policy.causes)


def test_where_only_starts_may_be_repeated_nothing_is() -> None:
    """A worker that dies has started, and asks no policy."""
    waiting = [
        structs.replace(cause, cause_class="deterministic") if not cause.before_start else cause for cause in CAUSES
    ]
    assert any(cause.cause_class == "infrastructure" for cause in waiting)
    assert retry_by_cause(GROWS, waiting, None) is None


def test_rows_of_plugins_decide_before_others(dag_files: DagFiles) -> None:
    if not retries._kinds():
        pytest.skip("this Airflow has no retry policies")
    own = Cause(name="warehouse", cause_class="throttled", reasons=("ValueError",), source="ours")
    (task, _) = tasks(dag_files, "retries=1")
    write_retry(task, _guarded((own, *CAUSES)), "x")
    assert task.retry_policy.evaluate(ValueError(), 1, 3).reason == "warehouse (throttled)"


OWNERS = """
    from airflow.sdk import ExceptionRetryPolicy, RetryRule, RetryPolicy, RetryDecision
    from airflow.providers.standard.operators.empty import EmptyOperator

    class Own(RetryPolicy):
        def evaluate(self, exception, try_number, max_tries, context=None):
            return RetryDecision.fail()

    with DAG("d", schedule=None) as dag:
        EmptyOperator(task_id="a", retry_policy=ExceptionRetryPolicy([RetryRule(exception=ValueError)]))
        EmptyOperator(task_id="b", retries=2, retry_policy=Own())
"""


def test_policies_of_owners_stay_unless_they_are_replaced(dag_files: DagFiles) -> None:
    if not retries._kinds():
        pytest.skip("this Airflow has no retry policies")
    for task in dag_files.dag(OWNERS).task_dict.values():
        policy, retry = task.retry_policy, retry_of(task)
        assert retry is not None
        assert retry.condition is not None
        write_retry(task, replace(retry, limit=Literal(value=4)), "x")
        assert task.retry_policy is policy
        write_retry(task, _guarded(CAUSES), "x")
        assert type(task.retry_policy).__name__ == "CausePolicy"
        write_retry(task, None, "x")
        assert task.retry_policy is None


@pytest.mark.parametrize(
    ("options", "retries", "longest"),
    [
        ("max-total=480", 2, False),
        ("max-total=479", 1, False),
        ("max-total=260", 1, False),
        ("max-total=259", None, False),
        ("max-total=460,max-delay=100", 2, True),  # it would draw up to 120 s
    ],
)
def test_delays_count_as_long_as_airflow_may_draw_them(
    dag_files: DagFiles, tmp_path: Path, options: str, retries: int | None, longest: bool
) -> None:
    """Attempts of 100 s; between two of them 30 to 60 s, and 60 to 120 s."""
    text = """
        from airflow.providers.standard.operators.empty import EmptyOperator
        from airflow.sdk import DAG

        with DAG("d", schedule=None):
            EmptyOperator(task_id="a")
    """
    tries = tuple(Attempt(start=START, end=START + 100, succeeded=True) for _ in range(4))
    step = StepRun(step="a", site="d/a", type="a", spec="", key="a", tries=tries)
    config = history_in(tmp_path, [Run(family="d", steps=(step,), at=1.0)])
    rows = {"guard": (Row("here", {"task": ("a",)}, {"idempotent": True}),)}
    passes = f"guard{{{options}}}"
    result = optimize(dag_files.write("d.py", text), passes, config=dataclasses.replace(config, rows=rows))
    (file,) = result.files
    assert [int(item.action.split(", ")[1][0]) for item in file.decisions if item.action] == [retries] * bool(retries)
    assert ("max_retry_delay" in str(result)) is longest


def test_no_sensor_gets_a_timeout_by_how_long_it_waited(dag_files: DagFiles, tmp_path: Path) -> None:
    text = """
        from airflow.providers.standard.operators.empty import EmptyOperator
        from airflow.providers.standard.sensors.python import PythonSensor
        from airflow.sdk import DAG, task

        with DAG("d", schedule=None):
            EmptyOperator(task_id="a")
            PythonSensor(task_id="b", python_callable=bool, timeout=86400)
            task.sensor(task_id="c", timeout=86400)(lambda: True)()
    """
    tries = tuple(Attempt(start=START, end=START + 60, succeeded=True) for _ in range(12))
    steps = (StepRun(step=name, site=f"d/{name}", type=name, spec="", key=name, tries=tries) for name in "abc")
    config = history_in(tmp_path, [Run(family="d", steps=tuple(steps), at=1.0)])
    (file,) = optimize(dag_files.write("d.py", text), "guard", config=config).files
    (timed,) = (item for item in file.decisions if item.action == "set a timeout")
    assert (timed.subject, timed.affects) == ("d/a", ())
