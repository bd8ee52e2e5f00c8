"""Tasks of a generated DAG: what each runs and waits for, what others read of it, and the order of a graph's steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from couler_airflow.generating.artifacts import kept
from couler_airflow.generating.conditions import Condition
from couler_airflow.generating.needs import ALWAYS, Rule, Wait
from couler_airflow.generating.printing import Node
from couler_airflow.generating.texts import Jinja, Scope, Text, code_of, jinja_quoted, joined
from couler_airflow.legal import refusal
from couler_plugins.engine_kit.legalize.python.functions import Function, function_of
from couler_plugins.ir import Operation, Reference, Step

RESULT = "result"
"""The key, in what a task returns, of what its container printed."""


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
        plain: the operator that it is, and what that is called with, where it is no pod and no function.
        answers: what others may read of such a task: expressions behind what it returned, by key.
        folder: where its artifacts are kept, below the store.
        guards: what has to hold for the graphs around it to run.
        only: what has to hold for an item of a loop that only the run knows.
        listed: the list of a loop, as JSON text: it does nothing but give the next task what its runs are called with.
        spread: whether it runs for the items of a list that is only known at run time: the task before it gives them.
        over: the task whose result it is mapped over as it is.
        waits: its upstream tasks.
        rule: its trigger rule.
        printed: whether what its container prints is read by others.
        artifacts_read: the artifacts that others read.
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
    plain: tuple[str, dict[str, Node]] | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    folder: Text = ()
    guards: tuple[Condition, ...] = ()
    only: Condition | None = None
    listed: Text | None = None
    spread: bool = False
    over: int | None = None
    printed: bool = False
    artifacts_read: set[str] = field(default_factory=set)
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
    returned = f"ti.xcom_pull(task_ids={jinja_quoted(task.task_id)})"
    if reference.to == "status":
        return _status(task, reference, returned)
    if reference.kind == "artifact":
        return _artifact(task, reference, returned)
    function = function_of(operation)
    if function is not None:
        return (_returned(task, function, reference),)
    if reference.path or reference.kind not in ("parameter", "result"):
        raise refusal(
            "Output.kind", step.name, f"has its {reference.kind or 'output'} {reference.name!r} read by others"
        )
    key = RESULT
    if task.plain is not None:
        key = reference.name if reference.kind == "parameter" else key
        if key not in task.answers:
            raise refusal("Step.arguments", step.name, f"has no output {reference.name!r}")
        return (Jinja(f"{returned}{task.answers[key]}", exists=f"{returned} is not none"),)
    if reference.kind == "parameter" and not reference.name and task.loops:
        return (Jinja(f"collected({returned}, 'parameters')"),)
    if reference.kind == "parameter":
        if not any(output.name == reference.name and output.kind == "parameter" for output in operation.outputs):
            raise refusal("Step.arguments", step.name, f"has no output {reference.name!r}")
        key = f"parameters.{reference.name}"
    else:
        task.printed = True
    if task.loops:
        return (Jinja(f"collected({returned}, {jinja_quoted(key)})"),)
    return (Jinja(f"{returned}[{jinja_quoted(key)}]", exists=f"{returned} is not none"),)


def _status(task: Task, reference: Reference, returned: str) -> Text:
    """How a pod ended: what succeeded has returned something."""
    if reference.name != "status" or task.loops or task.plain or task.possible - {"succeeded", "failed"}:
        reason = f"refers to {reference.name} of {reference.step!r}, which Airflow does not have"
        raise refusal("Step.arguments", task.place[-1], reason)
    task.printed = True
    return (Jinja(f"'Failed' if {returned} is none else 'Succeeded'"),)


def _artifact(task: Task, reference: Reference, returned: str) -> Text:
    """Where an artifact of a pod is, below the store."""
    operation, name = task.operation, task.place[-1]
    assert operation is not None
    outputs = [item for item in operation.outputs if (item.name, item.kind) == (reference.name, "artifact")]
    if not outputs or reference.path:
        raise refusal("Step.arguments", name, f"has no artifact {reference.name!r}")
    if task.loops:
        raise refusal("Step.loop", name, "loops, and the artifacts of all its runs are read together")
    task.artifacts_read.add(reference.name)
    place, _ = kept(outputs[0], place_of(task, reference.name), task.runs[0].scope, name)
    if "skipped" not in task.possible:
        return place
    task.printed = True
    return tuple(part._replace(exists=f"{returned} is not none") if isinstance(part, Jinja) else part for part in place)


def place_of(task: Task, name: str) -> Text:
    """Return where an artifact of a task is kept, below the store."""
    run: Text = ("/", Jinja("ti.map_index")) if task.loops else ()
    return joined(task.folder, (f"/{task.task_id}",), run, (f"/{name}",))


def gathered(tasks: Sequence[Task], reference: Reference) -> Text:
    """An output of several tasks, which are the runs of one step, as a list in JSON."""
    key, codes = "", []
    for task in tasks:
        if reference.kind == "parameter" and not reference.name:
            key = ", 'parameters'"
            codes.append(f"ti.xcom_pull(task_ids={jinja_quoted(task.task_id)})")
            continue
        (text,) = pulled(task, reference)
        assert isinstance(text, Jinja)
        code = code_of((text,), task.place[-1])
        codes.append(f"{code} if {text.exists} else none" if text.exists else code)
    return (Jinja(f"collected([{', '.join(codes)}]{key})"),)


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
    return Jinja(code, (task.number, key), exists=f"{code.partition('|')[0]} is not none")
