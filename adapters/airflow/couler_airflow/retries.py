"""Retries: how long Airflow waits before each attempt, and which failures it repeats, where it can be told (AIP-105).

Before attempt n + 1 it waits between one and two times `retry_delay` × multiplier ^ (n - 1) seconds, and at most
`max_retry_delay`; without a multiplier just `retry_delay` (`TaskInstance.next_retry_datetime`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from importlib import import_module
from typing import Any

from msgspec import structs

from couler_airflow.airflow_compat import retry_defaults
from couler_airflow.errors import unsupported
from couler_airflow.values import count_of, duration_of, seconds
from couler_plugins.hookspecs.causes import Cause
from couler_plugins.ir import Expression, Literal, Operation, Retry, Step, Value, Workflow, replace
from couler_plugins.ir.attempts import QUEUED, AttemptLimits, is_queued
from couler_plugins.runs import Attempt

POLICY = "airflow-retry-policy"
"""The language of a condition: what a policy serializes to, or the name of the class of one that is its owner's."""
PASSING = ("infrastructure", "throttled", "resource")
"""The classes of failures that another attempt may not meet, in a table in which all else has another class."""


def retry_of(task: Any) -> Retry | None:
    """Return how often a task is tried, and when; None where nothing is said of it."""
    said = _said_of(task)
    return said if task.retries or said.condition is not None else None


def _said_of(task: Any) -> Retry:
    """What holds for a task, without what Airflow does unasked."""
    policy, longest, factor = getattr(task, "retry_policy", None), task.max_retry_delay, task.retry_exponential_backoff
    factor = 2.0 if factor is True else float(factor)
    return Retry(
        limit=Literal(value=task.retries),
        delay=None if task.retry_delay == retry_defaults()[0] else Literal(value=seconds(task.retry_delay)),
        factor=Literal(value=int(factor) if factor.is_integer() else factor) if factor else None,
        max_delay=None if longest is None else Literal(value=seconds(longest)),
        condition=None if policy is None else Expression(language=POLICY, parts=(_text_of(policy),)),
    )


def _text_of(policy: Any) -> str:
    """What a policy serializes to; the name of its class where that is nothing that could be read again."""
    kind = _kinds().get(type(policy).__name__)
    if type(policy) is kind:
        return json.dumps(policy.serialize(), separators=(",", ":"))
    return f"{type(policy).__module__}.{type(policy).__qualname__}"


def _kinds() -> dict[str, Any]:
    """The policies that are written, by name; none where the installed Airflow has none."""
    try:
        theirs = import_module("airflow.sdk.definitions.retry_policy")
    except ImportError:
        return {}
    kinds = (theirs.ExceptionRetryPolicy, import_module("couler_airflow.retry_policy").CausePolicy)
    return {kind.__name__: kind for kind in kinds}


def write_retry(task: Any, wanted: Retry | None, name: str) -> None:
    """Make a task retry as its step says.

    Raises:
        Unsupported: the installed Airflow cannot.
    """
    old = _said_of(task)
    new = wanted or replace(old, limit=Literal(value=0), condition=None)
    if new.native_extra is not None:
        raise unsupported("Retry.native_extra", name, "Airflow knows nothing else of a retry")
    if new.limit != old.limit or new.condition is None:  # what its owner has may be a policy for no retry at all
        count = 0 if wanted is None else count_of(new.limit, "Retry.limit", name)
        if count != task.retries:
            task.retries = count
    if new.delay != old.delay:
        zero = timedelta(0) if new.delay == Literal(value=0) else duration_of(new.delay, "Retry.delay", name)
        task.retry_delay = retry_defaults()[0] if zero is None else zero
    if new.factor != old.factor:
        task.retry_exponential_backoff = _multiplier(new.factor, name)
    if new.max_delay != old.max_delay:
        task.max_retry_delay = duration_of(new.max_delay, "Retry.max_delay", name)
    if new.condition != old.condition:
        task.retry_policy = None if new.condition is None else _policy(new.condition, name)


def _multiplier(value: Value | None, name: str) -> float | bool:
    factor = value.value if isinstance(value, Literal) else None
    if isinstance(retry_defaults()[1], bool):
        if value is not None and factor != 2:
            raise unsupported("Retry.factor", name, "delays grow twofold before Airflow 3.2, or not at all")
        return value is not None
    if value is None:
        return 0.0
    if not isinstance(factor, (int, float)) or isinstance(factor, bool) or factor <= 0:
        raise unsupported("Retry.factor", name, "a number above 0 is wanted that is known beforehand")
    return float(factor)


def _policy(condition: Value | None, name: str) -> Any:
    kinds = _kinds()
    if not kinds:
        raise unsupported("Retry.condition", name, "the installed Airflow has no retry policies; 3.3 has")
    try:
        assert isinstance(condition, Expression)
        assert condition.language == POLICY
        data = json.loads("".join(map(str, condition.parts)))
        return kinds[data["__type"]].deserialize(data)
    except (AssertionError, LookupError, TypeError, ValueError) as error:
        raise unsupported("Retry.condition", name, "it is no policy as Airflow or we serialize one") from error


def attempt_limits(workflow: Workflow, step: Step, operation: Operation | None) -> AttemptLimits:
    """Return how far delays are drawn, and who gets no `execution_timeout`: sensors, and pods in a queue."""
    timed = QUEUED if is_queued(operation) else ""
    if operation is not None and "Sensor" in operation.kind:
        timed = "a sensor waits for as long as its own `timeout` says"
    return AttemptLimits(timed=timed, spread=2.0)


def retry_by_cause(retry: Retry, causes: Sequence[Cause], old: Retry | None) -> Retry | None:
    """Return the retry limited to failures that pass; None where that cannot be said.

    The policy sees the class of an exception and its text. When a worker dies none is asked, and its task is tried
    again as often as `retries` says: so what may only be repeated before its start is not repeated at all.

    Args:
        retry: how often, and when.
        causes: rows of the table, in its order: the first that matches decides.
        old: the owner's own retry, which is as good as any to be limited.
    """
    condition = _condition(tuple(causes))
    return None if condition is None else replace(retry, condition=condition)


def repeats(retry: Retry, attempt: Attempt) -> bool:
    """Return whether the policy of a retry repeats what a try failed with; nobody asks it when a worker dies."""
    failure = type(attempt.reason or "Exception", (Exception,), {})(attempt.message)
    return attempt.reason.startswith("SIG") or bool(
        _policy(retry.condition, "").evaluate(failure, 1, 1).action.value == "retry"
    )


@cache
def _condition(causes: tuple[Cause, ...]) -> Expression | None:
    """The policy of these causes, once for all tasks: it is long."""
    kinds = _kinds()
    if not kinds or all(cause.before_start for cause in causes if cause.cause_class in PASSING):
        return None
    visible = [
        structs.replace(cause, engines=(), source="", remedy="")
        for cause in causes
        if not cause.exit_codes and (not cause.engines or "airflow" in cause.engines)
    ]
    return Expression(language=POLICY, parts=(_text_of(kinds["CausePolicy"](visible)),))
