"""The source of a generated DAG: groups and tasks in the order of the workflow, then what waits for what."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from couler_airflow.generating.conditions import Condition
from couler_airflow.generating.dag import Whole
from couler_airflow.generating.durations import duration
from couler_airflow.generating.errors import refusal
from couler_airflow.generating.functions import Functions, definition_of, functions_of
from couler_airflow.generating.pods import pod_arguments
from couler_airflow.generating.printing import INDENT, Call, Name, Node, identifier, printed
from couler_airflow.generating.task import Task
from couler_airflow.generating.texts import constant, resolve, resolve_data, spelt
from couler_plugins.engine_kit.legalize.python.functions import Function, function_of
from couler_plugins.ir import Operation

__all__ = ["Body", "body_of"]

POD = "KubernetesPodOperator"
TAKEN = frozenset({*dir(builtins), "literal", "only_if", "compared", "each", "k8s", "task", "timedelta", "re"})
NAMES = TAKEN | {"Any", "BashOperator", "Callable", "DAG", "EmptyOperator", POD, "Param", "TaskGroup"}
"""What a file of DAGs may have to import, or to define."""
MAPPED = ("arguments", "cmds", "image")
"""What a loop is spread over although no two of its runs differ: the first of these that the task has."""


class Body(NamedTuple):
    """The source of a DAG.

    Attributes:
        names: the names in it that have to be imported or defined, as they stand in the source.
        text: the source.
    """

    names: frozenset[str]
    text: str


def body_of(whole: Whole, tasks: Sequence[Task]) -> Body:
    """The source of a DAG with these tasks.

    Raises:
        Unsupported: a task has something that Airflow's operator for pods does not do.
    """
    functions = functions_of(tasks, NAMES)
    body = _Body(whole, functions)
    definitions = (f"{definition_of(function)}\n\n" for function in functions.values())
    text = "".join([*definitions, *body.lines(tasks)])
    return Body(frozenset(body.used | ({"typed"} if functions else set())), text)


class _Body:
    def __init__(self, whole: Whole, functions: Collection[str]) -> None:
        self.used: set[str] = {"DAG", *whole.timetables}
        self._whole = whole
        self._variables: dict[int, str] = {}
        self._taken = {*TAKEN, *functions}
        self._functions = Functions(self._variables)
        self._listing: tuple[dict[str, Node], Node] = ({}, "")

    def lines(self, tasks: Sequence[Task]) -> Iterator[str]:
        yield f"with {self._printed(Call('DAG', (), self._whole.arguments), '')}:\n"
        groups: list[str] = []
        for task in tasks:
            wanted = task.task_id.split(".")[:-1]
            shared = next((n for n, pair in enumerate(zip(groups, wanted, strict=False)) if len({*pair}) > 1), None)
            shared = min(len(groups), len(wanted)) if shared is None else shared
            groups = groups[:shared]
            for group in wanted[shared:]:
                indent = INDENT * (len(groups) + 1)
                yield f"{indent}with {self._printed(Call('TaskGroup', (), {'group_id': group}), indent)}:\n"
                groups.append(group)
            yield self._task(task, INDENT * (len(groups) + 1))
        yield from self._edges(tasks)

    def _task(self, task: Task, indent: str) -> str:
        own = task.task_id.split(".")[-1]
        variable = self._variables[task.number] = identifier(own, self._taken)
        self._taken.add(variable)
        fields: dict[str, Node] = {"task_id": own}
        if task.rule.name != "all_success":
            fields["trigger_rule"] = task.rule.name
        if task.fails:
            fields["bash_command"] = "exit 1"
            return f"{indent}{variable} = {self._printed(Call('BashOperator', (), fields), indent)}\n"
        if task.listed is not None:
            self._listing = fields, spelt(task.listed, jinja=True)
            return ""  # it is written with the task that it is for
        if task.operation is None:
            return f"{indent}{variable} = {self._printed(Call('EmptyOperator', (), fields), indent)}\n"
        fields |= attempts(task, task.operation)
        if task.runs[0].condition:
            fields["pre_execute"] = _skipping(task.runs[0].condition)
        if (function := function_of(task.operation)) is not None:
            return self._function(task, function, fields, indent)
        runs = [pod_arguments(task, run, self._whole.pod) for run in task.runs]
        if task.spread:
            return self._spread(task, fields, runs[0], indent)
        return f"{indent}{variable} = {self._printed(_called(task, fields, runs), indent)}\n"

    def _spread(self, task: Task, result: dict[str, Node], run: dict[str, Node], indent: str) -> str:
        """A loop over a list that only the run knows: a task that makes one field for each item, and the operator."""
        fields = [name for name in run if _holds_item(run[name])] or [name for name in MAPPED if name in run][:1]
        if len(fields) != 1 or fields[0] not in MAPPED:
            raise refusal(
                "Step.loop", task.place[-1], "has the item of its loop in more than its command, or in several"
            )
        (field,) = fields
        options, listed = self._listing
        items, variable = self._variables[task.number - 1], self._variables[task.number]
        each = Call("", (listed, run.pop(field)), {}, Call("each.override", (), options))
        mapped = Call("expand", (), {field: Name(items)}, Call(f"{POD}.partial", (), {**result, **run}))
        lines = f"{indent}{items} = {self._printed(each, indent)}\n"
        return f"{lines}{indent}{variable} = {self._printed(mapped, indent)}\n"

    def _function(self, task: Task, function: Function, fields: dict[str, Node], indent: str) -> str:
        """A task that is a function; before it, where its loop is over a text, the task that cuts that up."""
        lines, items = "", ""
        if task.spread and task.over is None:
            options, listed = self._listing
            items = self._variables[task.number - 1]
            field = self._functions.field(task, function)
            each = Call("", (listed, field), {}, Call("each.override", (), options))
            lines = f"{indent}{items} = {self._printed(each, indent)}\n"
        call = self._functions.called(task, function, fields, items)
        return f"{lines}{indent}{self._variables[task.number]} = {self._printed(call, indent)}\n"

    def _edges(self, tasks: Sequence[Task]) -> Iterator[str]:
        """What waits for what; neighbours that wait for the same one task are written together."""
        waiting = [task for task in tasks if task.waits]
        for before, waits in groupby(waiting, key=lambda task: tuple(wait.task for wait in task.waits)):
            after = [self._variables[task.number] for task in waits]
            first = [self._variables[number] for number in before]
            if len(first) == 1:
                yield f"{INDENT}{self._printed(_names(first), INDENT)} >> {self._printed(_names(after), INDENT)}\n"
            else:
                for name in after:
                    yield f"{INDENT}{self._printed(_names(first), INDENT)} >> {name}\n"

    def _printed(self, node: Node, indent: str) -> str:
        self._use(node)
        return printed(node, indent)

    def _use(self, node: Node) -> None:
        """Notes the names in a node."""
        match node:
            case Call():
                if node.of is None:
                    self.used.add(node.function.split(".")[0])
                self._use([node.of, *node.arguments, *node.keywords.values()])
            case Name():
                self.used.add(node.code)
            case dict():
                self._use(list(node.values()))
            case list() | tuple():
                for item in node:
                    self._use(item)


def _holds_item(node: Node) -> bool:
    """Whether a field has the item of a loop in it."""
    match node:
        case Call():
            return any(map(_holds_item, [*node.arguments, *node.keywords.values()]))
        case dict():
            return any(map(_holds_item, node.values()))
        case list():
            return any(map(_holds_item, node))
    return isinstance(node, tuple)


def _names(names: Sequence[str]) -> Node:
    return Name(names[0]) if len(names) == 1 else [Name(name) for name in names]


def _called(task: Task, fields: dict[str, Node], runs: Sequence[dict[str, Node]]) -> Node:
    """The operator; for a loop, what is the same in all its runs, and then what is not."""
    if not task.loops:
        return Call(POD, (), {**fields, **runs[0]})
    names = list(dict.fromkeys(name for run in runs for name in run))
    differing = [name for name in names if any(run.get(name) != runs[0].get(name) for run in runs)]
    differing = differing or [next(name for name in MAPPED if name in names)]
    if "container_resources" in differing or any(name not in run for run in runs for name in differing):
        raise refusal("Step.loop", task.place[-1], "differs from item to item in more than texts")
    same = {name: value for name, value in runs[0].items() if name not in differing}
    partial = Call(f"{POD}.partial", (), {**fields, **same})
    if len(differing) == 1:
        return Call("expand", (), {differing[0]: [run[differing[0]] for run in runs]}, partial)
    return Call("expand_kwargs", ([{name: run[name] for name in differing} for run in runs],), {}, partial)


def attempts(task: Task, operation: Operation) -> dict[str, Node]:
    """How often a task is tried, and for how long.

    Raises:
        Unsupported: Argo tries in a way that Airflow does not, or only the run knows.
    """
    name, scope = operation.name, task.runs[0].scope
    fields: dict[str, Node] = {}
    if operation.retry is not None:
        limit = operation.retry.limit
        text = None if limit is None else constant(resolve(limit, scope, name))
        if text is None or not text.isdigit():
            raise refusal("Retry.limit", name, "is retried without a limit that is known", "give a number")
        rest = {} if operation.retry.native_extra is None else resolve_data(operation.retry.native_extra, scope, name)
        delay = rest.pop("backoff", {})
        policy = constant(rest.pop("retryPolicy", ("Always",)))
        seconds = duration(_text(delay.pop("duration", ("0",)))) if isinstance(delay, dict) else None
        if rest or delay or seconds is None or policy not in ("Always", "OnFailure"):
            hint = "leave only a limit, retryPolicy Always or OnFailure, and backoff.duration"
            raise refusal("Retry.native_extra", name, "is retried on conditions, or with growing delays", hint)
        fields["retries"] = int(text)
        if seconds:
            fields["retry_delay"] = timedelta_of(seconds)
    if operation.timeout is not None:
        seconds = duration(constant(resolve(operation.timeout, scope, name)) or "")
        if seconds is None or operation.retry is not None:
            raise refusal("Operation.timeout", name, "has a timeout that only the run knows, or that spans its retries")
        fields["execution_timeout"] = timedelta_of(seconds)
    return fields


def timedelta_of(seconds: float) -> Call:
    """A duration."""
    return Call("timedelta", (), {"seconds": int(seconds) if seconds.is_integer() else seconds})


def _text(data: object) -> str:
    return (constant(data) or "") if isinstance(data, tuple) else str(data)


def _skipping(condition: Condition) -> Node:
    """The hook that skips a task."""
    sides = [(spelt(left, jinja=True), operator, spelt(right, jinja=True)) for left, operator, right in condition[0]]
    return Call("only_if", (sides,), {"some": True} if condition.some else {})
