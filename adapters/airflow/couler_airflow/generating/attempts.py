"""How often a task is tried, for how long, and when it is skipped."""

from __future__ import annotations

import math

from couler_airflow.generating.printing import Node, timedelta_of
from couler_airflow.generating.task import Task
from couler_airflow.generating.texts import Scope, constant, resolve, resolve_data
from couler_airflow.legal import refusal
from couler_plugins.ir import Operation, Retry

ENDLESS = 1_000_000
"""Attempts of what is tried until it succeeds: Airflow wants a number."""


def attempts(task: Task, operation: Operation) -> dict[str, Node]:
    """How often a task is tried, and for how long.

    Raises:
        Unsupported: Argo tries in a way that Airflow does not, or only the run knows.
    """
    name, scope = operation.name, task.runs[0].scope
    fields: dict[str, Node] = {}
    if operation.retry is not None:
        fields = _repeated(operation.retry, scope, name)
    if operation.timeout is not None:
        timeout = timedelta_of(constant(resolve(operation.timeout, scope, name)) or "")
        if timeout is None or operation.retry is not None:
            raise refusal(
                "Operation.timeout", name, "has a timeout that is only known at run time, or that spans its retries"
            )
        fields["execution_timeout"] = timeout
    return fields


def _repeated(retry: Retry, scope: Scope, name: str) -> dict[str, Node]:
    """How often a task is tried again, and when: with a multiplier, after one to two times the delay that it gives."""

    def number(field: str, usual: float) -> float:
        value = getattr(retry, field)
        text = constant(resolve(value, scope, name)) if value is not None else None
        parsed = None if text is None else timedelta_of(text)
        if value is not None and parsed is None:
            raise refusal(f"Retry.{field}", name, f"is retried with a {field} that is no number known beforehand")
        return usual if parsed is None else float(parsed.keywords["seconds"])

    limit = None if retry.limit is None else constant(resolve(retry.limit, scope, name))
    if retry.limit is None and retry.condition is None:
        limit = str(ENDLESS)
    if limit is None or not limit.isdigit():
        raise refusal("Retry.limit", name, "is retried without a limit that is known", "give a number")
    if retry.condition is not None:
        raise refusal("Retry.condition", name, "is retried on conditions", "retry all failures")
    others = resolve_data(retry.native_extra, scope, name)
    if constant(others.pop("retryPolicy", ("Always",))) not in ("Always", "OnFailure") or others:
        hint = "leave only a limit, retryPolicy Always or OnFailure, and a backoff without maxDuration"
        raise refusal("Retry.native_extra", name, "is retried on conditions, or for some time only", hint)
    factor, longest = number("factor", 1), number("max_delay", math.inf)
    delay = min(number("delay", 0), longest)
    fields: dict[str, Node] = {"retries": int(limit)}
    if delay > 0:
        fields["retry_delay"] = timedelta_of(f"{delay:f}")
    if delay > 0 and factor != 1:
        fields["retry_exponential_backoff"] = factor == 2 or factor  # where this is no number yet, it means 2
        fields |= {} if math.isinf(longest) else {"max_retry_delay": timedelta_of(f"{longest:f}")}
    return fields
