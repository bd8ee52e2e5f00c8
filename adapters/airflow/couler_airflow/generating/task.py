"""One task of a generated DAG, and what others read of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from couler_airflow.generating.conditions import Condition
from couler_airflow.generating.needs import Rule, Wait
from couler_airflow.generating.texts import Jinja, Scope, Text, jinja_quoted
from couler_airflow.legal import refusal
from couler_plugins.engine_kit.legalize.python.functions import Function, function_of
from couler_plugins.ir import Operation, Reference, Step

__all__ = ["ALWAYS", "RESULT", "Run", "Task", "pulled", "wait_for"]

RESULT = "result"
"""The key, in what a task returns, of what its container printed."""
ALWAYS = Rule()


class Run(NamedTuple):
    """One run of a task: one item of its loop.

    Attributes:
        scope: what the operation's references stand for.
        condition: what has to hold; None where it always runs.
    """

    scope: Scope
    condition: Condition | None


@dataclass
class Task:
    """One task of the DAG.

    Attributes:
        number: its position.
        place: the names of the groups around it, and its own.
        step: the call; None where others only wait for each other here.
        operation: what it runs.
        runs: one, or one for each item of its loop.
        loops: whether it runs in a loop.
        fails: whether it does nothing but fail.
        listed: the list of a loop, as JSON text: it does nothing but give the next task what its runs are called with.
        spread: whether it runs for the items of a list that only the run knows: the task before it gives them.
        over: the task whose result it is mapped over as it is.
        waits: its upstream tasks.
        rule: its trigger rule.
        printed: whether what its container prints is read by others.
        task_id: its id, once it has one.
    """

    number: int
    place: tuple[str, ...]
    step: Step | None = None
    operation: Operation | None = None
    runs: Sequence[Run] = ()
    loops: bool = False
    waits: Sequence[Wait] = ()
    rule: Rule = ALWAYS
    fails: bool = False
    listed: Text | None = None
    spread: bool = False
    over: int | None = None
    printed: bool = False
    task_id: str = ""

    @property
    def possible(self) -> frozenset[str]:
        """The outcomes that it can have."""
        skipped = {"skipped"} if self.spread or any(run.condition for run in self.runs) else set()
        omitted = {"omitted"} if self.rule.unmet else set()
        fails = self.operation is not None or self.listed is not None
        return frozenset({"succeeded", *({"failed"} if fails else ()), *skipped, *omitted})


def wait_for(task: Task, outcomes: frozenset[str]) -> Wait:
    """An upstream task that is to end with one of these outcomes."""
    return Wait(task.number, outcomes, task.possible, task.rule.hollow, task.loops)


def pulled(task: Task, reference: Reference) -> Text:
    """An output of a task, as it is found in what it returned."""
    step, operation = task.step, task.operation
    assert step is not None
    assert operation is not None
    function = function_of(operation)
    if function is not None:
        return (_returned(task, function, reference),)
    if task.loops:
        raise refusal("Step.loop", step.name, "loops, and the outputs of all its runs are read together")
    if reference.path or reference.kind not in ("parameter", "result"):
        raise refusal(
            "Output.kind", step.name, f"has its {reference.kind or 'output'} {reference.name!r} read by others"
        )
    key = RESULT
    if reference.kind == "parameter":
        if not any(output.name == reference.name and output.kind == "parameter" for output in operation.outputs):
            raise refusal("Step.arguments", step.name, f"has no output {reference.name!r}")
        key = f"parameters.{reference.name}"
    else:
        task.printed = True
    return (Jinja(f"ti.xcom_pull(task_ids={jinja_quoted(task.task_id)})[{jinja_quoted(key)}]"),)


def _returned(task: Task, function: Function, reference: Reference) -> Jinja:
    """What a function returned: a text as it is, all else as JSON; a list of that where it looped."""
    name, outputs = task.place[-1], dict(function.outputs)
    if reference.kind != "parameter" or reference.path or reference.name not in outputs:
        raise refusal("Step.arguments", name, f"has no output {reference.name!r} of its function", "let it return that")
    key = "" if list(outputs) == [RESULT] else reference.name
    code = f"ti.xcom_pull(task_ids={jinja_quoted(task.task_id)}{f', key={jinja_quoted(key)}' if key else ''})"
    if task.loops:
        code = f"{code}|list|tojson"
    elif outputs[reference.name] != "text":
        code = f"{code}|tojson"
    return Jinja(code, (task.number, key))
