"""What stands for tasks that do nothing, what ends a run behind teardowns, and what is not quite the same elsewhere."""

from __future__ import annotations

from functools import partial
from typing import Any

from couler_airflow.legal import Diagnostics
from couler_airflow.portable.containers import is_plain_command
from couler_airflow.portable.rules import ENDS, Targets
from couler_airflow.values import seconds
from couler_plugins.ir import Call, Container, Literal, Need, Operation, Retry, Step, all_of, fresh_name, replace

LATEST = "LatestOnlyOperator"
END = "after-teardown"


def nothing(name: str) -> Operation:
    """What does nothing."""
    command = tuple(Literal(value=text) for text in ("sh", "-c", ":"))
    return Operation(name=name, kind="container", containers=(Container(command=command),))


def with_end(
    steps: list[Step], operations: list[Operation], targets: Targets
) -> tuple[list[Step], list[Operation], tuple[str, ...]]:
    """Put a step behind teardowns, which succeeds whatever they do, and by which the run ends in their place."""
    names = {step.name for step in steps} | {item.name for item in operations}
    name = fresh_name(END, names)
    needs = all_of([Need(step=other, outcomes=tuple(sorted(ENDS))) for other in targets.idle])
    return (
        [*steps, Step(name=name, call=Call(name=name), needs=needs)],
        [*operations, nothing(name)],
        (*targets.work, name),
    )


def tell_differences(task: Any, diagnostics: Diagnostics) -> None:
    """Tell what is not quite the same elsewhere about a task."""
    kind, note = task.operator_class.__name__, partial(diagnostics.note, task.task_id)
    if task.retries and task.retry_exponential_backoff:
        note("retried after growing delays", "Airflow draws each from one to two times as long")
    if kind == "BashOperator" and is_plain_command(task):
        note("fails with 99", "Airflow skips a BashOperator that ends with this code")
    if kind == LATEST:
        note("let it pass", "every run is the latest one, as no others are made up for")
    if str(getattr(task.trigger_rule, "value", task.trigger_rule)).startswith("one_"):
        note("wait for all before it", "Airflow starts it once one of them has ended so")


def retry(task: Any, retry: Retry | None) -> Retry | None:
    """The retry with the delays that Airflow has unasked, and without what says nothing."""
    if retry is None:
        return None
    delay = Literal(value=seconds(task.retry_delay)) if task.retry_delay else None
    grows = delay is not None and retry.factor not in (None, Literal(value=1))
    plain = replace(retry, delay=delay)
    return plain if grows else replace(plain, factor=None, max_delay=None)
