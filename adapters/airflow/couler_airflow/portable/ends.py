"""Tasks that do nothing, what ends a run behind teardowns, and what is not quite the same elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from couler_airflow.legal import Diagnostics
from couler_airflow.portable.containers import is_plain_command
from couler_airflow.portable.legality import refuse
from couler_airflow.portable.rules import ENDS, Targets
from couler_airflow.values import seconds
from couler_plugins.ir import (
    Call,
    Container,
    Graph,
    GraphView,
    Literal,
    Need,
    Needs,
    Operation,
    Retry,
    Step,
    all_of,
    conjuncts,
    fresh_name,
    needed,
    replace,
)

FINE = ({"succeeded"}, {"succeeded", "skipped"})
MOST = 1000
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


# Empty tasks only join others: where that means the same, those after them wait for those before them.


def folded(steps: Sequence[Step], empty: Collection[str]) -> tuple[Step, ...]:
    """The steps without the empty ones; each means the same without them, or it is refused.

    An empty task succeeds where it starts. So what needs its success needs what it needs, and what needs its end needs
    the end of all before it.

    Raises:
        Unsupported: something depends on more of an empty task than that.
    """
    folding = _Folding(steps, empty)
    return tuple(replace(step, needs=folding.needs(step.needs, step.name)) for step in steps if step.name not in empty)


class _Folding:
    """What empty tasks stand for, those before them filled in first."""

    def __init__(self, steps: Sequence[Step], empty: Collection[str]) -> None:
        self._empty = empty
        self._fine: dict[str, Needs | None] = {}
        self._ends: dict[str, Needs | None] = {}
        by_name = {step.name: step for step in steps}
        waited_for = {need.step for step in steps for need in needed(step.needs)}
        for name in GraphView(Graph(name="", steps=tuple(steps))).order():
            if name in empty:
                self._add(by_name[name], is_last=name not in waited_for)

    def _add(self, step: Step, *, is_last: bool) -> None:
        own = [need for need in conjuncts(step.needs) if isinstance(need, Need)]
        if len(own) < len(conjuncts(step.needs)):
            raise refuse("Step.needs", step.name, "is an empty task that waits for one of several")
        if is_last and any(set(need.outcomes) not in FINE for need in own):
            raise refuse("Step.needs", step.name, "is an empty task at the end, which hides failures before it")
        ends: list[Needs] = [replace(need, outcomes=tuple(sorted(ENDS))) for need in own]
        self._fine[step.name] = self.needs(step.needs, step.name)
        self._ends[step.name] = self.needs(all_of(ends), step.name)

    def needs(self, needs: Needs | None, step: str) -> Needs | None:
        """The needs of a step, without empty tasks in them."""
        result: list[Needs] = []
        for part in conjuncts(needs):
            result += self._instead(part) if isinstance(part, Need) and part.step in self._empty else (part,)
            if any(need.step in self._empty for need in needed(result[-1] if result else None)):
                raise refuse("Step.needs", step, "waits for an empty task or another one")
            if len(result) > MOST:
                raise refuse("Step.needs", step, f"waits for more than {MOST} tasks without the empty ones between")
        return all_of(result)

    def _instead(self, need: Need) -> Sequence[Needs]:
        if ENDS.issubset(need.outcomes):
            return conjuncts(self._ends[need.step])
        if set(need.outcomes) not in FINE:
            raise refuse("Step.needs", need.step, "is an empty task whose failure others wait for")
        return conjuncts(self._fine[need.step])
