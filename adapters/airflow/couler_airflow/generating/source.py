"""The source of a generated DAG: groups and tasks in the order of the workflow, then what waits for what."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from couler_airflow.generating.calls import Condition
from couler_airflow.generating.functions import Functions, definition_of, functions_of
from couler_airflow.generating.pods import Pod
from couler_airflow.generating.printing import (
    INDENT,
    Call,
    Name,
    Node,
    expanded,
    identifier,
    nodes_of,
    printed,
    timedelta_of,
)
from couler_airflow.generating.task import Task
from couler_airflow.generating.texts import constant, resolve, resolve_data, spelt
from couler_airflow.legal import Diagnostics, refusal
from couler_plugins.engine_kit.legalize.python.functions import Function, function_of
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Literal, Operation

POD = "KubernetesPodOperator"
TAKEN = frozenset({*dir(builtins), "literal", "only_if", "compared", "each", "k8s", "task", "timedelta", "re"})
NAMES = TAKEN | {"Any", "BashOperator", "Callable", "DAG", "EmptyOperator", POD, "Param", "TaskGroup"}
"""What a file of DAGs may have to import, or to define."""
MAPPED = ("arguments", "cmds", "image")
"""What a loop is spread over although no two of its runs differ: the first of these that the task has."""


def body_of(
    arguments: Mapping[str, Node], pod: Mapping[str, Any], tasks: Sequence[Task], diagnostics: Diagnostics
) -> tuple[frozenset[str], str]:
    """The source of a DAG with these tasks, and the names in it that have to be imported or defined.

    Args:
        arguments: what `DAG(…)` is called with.
        pod: what holds for all pods: data with texts in it.
        tasks: its tasks.
        diagnostics: is told what none of them can be.

    Raises:
        Unsupported: two functions cannot stand in one file.
    """
    functions = functions_of(tasks, NAMES)
    body = _Body(arguments, pod, functions, diagnostics)
    definitions = (f"{definition_of(function)}\n\n" for function in functions.values())
    text = "".join([*definitions, *body.lines(tasks)])
    return frozenset(body.used | ({"typed"} if functions else set())), text


class _Body:
    def __init__(
        self,
        arguments: Mapping[str, Node],
        pod: Mapping[str, Any],
        functions: Collection[str],
        diagnostics: Diagnostics,
    ) -> None:
        self.used: set[str] = set()
        self._arguments, self._pod_fields = arguments, pod
        self._diagnostics = diagnostics
        self._variables: dict[int, str] = {}
        self._taken = {*TAKEN, *functions}
        self._functions = Functions(self._variables)
        self._listing: tuple[dict[str, Node], Node] = ({}, "")

    def lines(self, tasks: Sequence[Task]) -> Iterator[str]:
        yield f"with {self._printed(Call('DAG', (), self._arguments), '')}:\n"
        groups: list[str] = []
        for task in tasks:
            *wanted, own = task.task_id.split(".")
            pairs = enumerate(zip(groups, wanted, strict=False))
            shared = next((n for n, pair in pairs if len({*pair}) > 1), min(len(groups), len(wanted)))
            groups = groups[:shared]
            for group in wanted[shared:]:
                indent = INDENT * (len(groups) + 1)
                yield f"{indent}with {self._printed(Call('TaskGroup', (), {'group_id': group}), indent)}:\n"
                groups.append(group)
            indent = INDENT * (len(groups) + 1)
            self._variables[task.number] = identifier(own, self._taken)
            self._taken.add(self._variables[task.number])
            try:
                nodes = dict(self._nodes(task, own))
            except Unsupported as error:
                self._diagnostics.refusals.append(error)
                continue
            yield from (f"{indent}{name} = {self._printed(node, indent)}\n" for name, node in nodes.items())
        yield from self._edges(tasks)

    def _nodes(self, task: Task, own: str) -> Iterator[tuple[str, Node]]:
        """What makes a task, by its variable; a task that lists the items of a loop comes with the loop itself."""
        variable = self._variables[task.number]
        fields: dict[str, Node] = {"task_id": own}
        if task.rule.name != "all_success":
            fields["trigger_rule"] = task.rule.name
        if task.fails:
            yield variable, Call("BashOperator", (), {**fields, "bash_command": "exit 1"})
        elif task.listed is not None:
            self._listing = fields, spelt(task.listed, jinja=True)
        elif task.operation is None:
            yield variable, Call("EmptyOperator", (), fields)
        else:
            fields |= attempts(task, task.operation)
            if task.runs[0].condition:
                fields["pre_execute"] = _skipping(task.runs[0].condition)
            function = function_of(task.operation)
            if function is not None:
                yield from self._function(task, function, fields)
            else:
                pods = [Pod(task, task.operation, run, self._pod_fields) for run in task.runs]
                yield from self._pod(task, fields, [pod.arguments() for pod in pods])

    def _function(self, task: Task, function: Function, fields: dict[str, Node]) -> Iterator[tuple[str, Node]]:
        items = ""
        if task.spread and task.over is None:
            items = self._variables[task.number - 1]
            yield items, self._each(self._functions.field(task, function))
        yield self._variables[task.number], self._functions.called(task, function, fields, items)

    def _pod(self, task: Task, fields: dict[str, Node], runs: Sequence[dict[str, Node]]) -> Iterator[tuple[str, Node]]:
        variable = self._variables[task.number]
        if not task.spread:
            yield variable, _called(task, fields, runs)
            return
        (run,), items, field = runs, self._variables[task.number - 1], _field_of_item(task, runs[0])
        yield items, self._each(run.pop(field))
        yield variable, Call("expand", (), {field: Name(items)}, Call(f"{POD}.partial", (), {**fields, **run}))

    def _each(self, field: Node) -> Call:
        """The task that makes one field for each item of a list that is only known at run time."""
        options, listed = self._listing
        return Call("", (listed, field), {}, Call("each.override", (), options))

    def _edges(self, tasks: Sequence[Task]) -> Iterator[str]:
        """What waits for what; neighbours that wait for the same one task are written together."""
        waiting = [task for task in tasks if task.waits]
        for before, waits in groupby(waiting, key=lambda task: tuple(wait.task for wait in task.waits)):
            after = [self._variables[task.number] for task in waits]
            first = self._printed(_names([self._variables[number] for number in before]), INDENT)
            for names in [after] if len(before) == 1 else [[name] for name in after]:
                yield f"{INDENT}{first} >> {self._printed(_names(names), INDENT)}\n"

    def _printed(self, node: Node, indent: str) -> str:
        """The source of a node, with the names in it noted."""
        for part in nodes_of(node):
            if isinstance(part, Name):
                self.used.add(part.code)
            elif isinstance(part, Call) and part.of is None:
                self.used.add(part.function.split(".")[0])
        return printed(node, indent)


def _names(names: Sequence[str]) -> Node:
    return Name(names[0]) if len(names) == 1 else [Name(name) for name in names]


def _field_of_item(task: Task, run: dict[str, Node]) -> str:
    """The field that has the item of the loop in it, or the first of those that may differ."""
    fields = [name for name in run if any(isinstance(part, tuple) for part in nodes_of(run[name]))]
    fields = fields or [name for name in MAPPED if name in run][:1]
    if len(fields) != 1 or fields[0] not in MAPPED:
        reason = "has the item of its loop in more than its command, or in several"
        raise refusal("Step.loop", task.place[-1], reason)
    return fields[0]


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
    return expanded(Call(f"{POD}.partial", (), {**fields, **same}), runs, differing)


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
        retry, others = operation.retry, resolve_data(operation.retry.native_extra, scope, name)
        policy = constant(others.pop("retryPolicy", ("Always",)))
        delay = timedelta_of("0" if retry.delay is None else constant(resolve(retry.delay, scope, name)) or "")
        varies = retry.factor not in (None, Literal(value=1)) or retry.max_delay or retry.condition
        if others or varies or delay is None or policy not in ("Always", "OnFailure"):
            hint = "leave only a limit, retryPolicy Always or OnFailure, and a delay"
            raise refusal("Retry.native_extra", name, "is retried on conditions, or with growing delays", hint)
        fields["retries"] = int(text)
        if delay.keywords["seconds"]:
            fields["retry_delay"] = delay
    if operation.timeout is not None:
        timeout = timedelta_of(constant(resolve(operation.timeout, scope, name)) or "")
        if timeout is None or operation.retry is not None:
            raise refusal(
                "Operation.timeout", name, "has a timeout that is only known at run time, or that spans its retries"
            )
        fields["execution_timeout"] = timeout
    return fields


def _skipping(condition: Condition) -> Node:
    """The hook that skips a task."""
    sides = [(spelt(left, jinja=True), operator, spelt(right, jinja=True)) for left, operator, right in condition[0]]
    return Call("only_if", (sides,), {"some": True} if condition.some else {})
