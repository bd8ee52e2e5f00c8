"""The source of a generated DAG: groups and tasks in the order of the workflow, then what waits for what."""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from couler_airflow.generating.attempts import attempts
from couler_airflow.generating.conditions import Condition, written
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
)
from couler_airflow.generating.task import Task
from couler_airflow.generating.texts import spelt
from couler_airflow.legal import Diagnostics, pool_of, refusal
from couler_plugins.engine_kit.legalize.python.functions import Function, function_of
from couler_plugins.errors import Unsupported

POD = "KubernetesPodOperator"
MACROS = ("collected", "counted")
"""Functions that texts call, once they are rendered."""
TAKEN = frozenset(
    {
        *dir(builtins),
        *MACROS,
        "literal",
        "only_if",
        "compared",
        "all_hold",
        "each",
        "request",
        "k8s",
        "task",
        "timedelta",
        "re",
    }
)
NAMES = TAKEN | {
    "Any",
    "ApprovalOperator",
    "BashOperator",
    "Callable",
    "DAG",
    "EmptyOperator",
    POD,
    "Param",
    "TaskGroup",
}
"""What a file of DAGs may have to import, or to define."""
MAPPED = ("arguments", "cmds", "image")
"""What a loop is spread over although no two of its runs differ: the first of these that the task has."""
SPREAD = (*MAPPED, "env_vars", "labels", "annotations", "pod_template_dict")
"""What may hold the item of a loop that only the run knows."""


def body_of(
    arguments: Mapping[str, Node],
    pod: Mapping[str, Any],
    tasks: Sequence[Task],
    diagnostics: Diagnostics,
    store: str = "",
) -> tuple[frozenset[str], str]:
    """The source of a DAG with these tasks, and the names in it that have to be imported or defined.

    Args:
        arguments: what `DAG(…)` is called with.
        pod: what holds for all pods: data with texts in it.
        tasks: its tasks.
        diagnostics: is told what none of them can be.
        store: the claim in which artifacts are handed on; empty for none.

    Raises:
        Unsupported: two functions cannot stand in one file.
    """
    functions = functions_of(tasks, NAMES)
    body = _Body(arguments, pod, functions, diagnostics, store)
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
        store: str,
    ) -> None:
        self._store = store
        self.used: set[str] = set()
        self._arguments, self._pod_fields = arguments, pod
        self._diagnostics = diagnostics
        self._variables: dict[int, str] = {}
        self._taken = {*TAKEN, *functions}
        self._functions = Functions(self._variables)
        self._listing: tuple[dict[str, Node], Node, Sequence[Node]] = ({}, "", ())

    def lines(self, tasks: Sequence[Task]) -> Iterator[str]:
        lines = list(self._tasks(tasks))
        called = {name for line in lines for name in MACROS if f"{name}(" in line}
        if called:
            self._arguments = {**self._arguments, "user_defined_macros": {name: Name(name) for name in sorted(called)}}
        yield f"with {self._printed(Call('DAG', (), self._arguments), '')}:\n"
        yield from lines

    def _tasks(self, tasks: Sequence[Task]) -> Iterator[str]:
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
        conditions = tuple(filter(None, [*task.guards, *(run.condition for run in task.runs[:1])]))
        if conditions and not (task.operation is None and task.plain is None and task.listed is None):
            fields["pre_execute"] = _skipping(conditions)
        if task.plain is not None:
            if task.operation is not None:
                fields |= attempts(task, task.operation)
            yield variable, _plain(*task.plain, fields)
        elif task.listed is not None:
            only = written((task.only,)) if task.only else ()
            self._listing = fields, spelt(task.listed, jinja=True), only
        elif task.operation is None:
            yield variable, Call("EmptyOperator", (), fields)
        else:
            if task.spread:
                fields.pop("pre_execute", None)  # the task that lists the items is skipped
            fields |= attempts(task, task.operation)
            if pool := pool_of(task.operation):
                fields["pool"] = pool
                reason = f"its synchronization is the pool {pool!r} of Airflow: make it, by `airflow pools set`"
                self._diagnostics.note(task.place[-1], "needs a pool", reason)
            function = function_of(task.operation)
            if function is not None:
                yield from self._function(task, function, fields)
            else:
                pods = [Pod(task, task.operation, run, self._pod_fields, self._store) for run in task.runs]
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
        (run,), items, names = runs, self._variables[task.number - 1], _fields_of_item(task, runs[0])
        of_item = {name: run.pop(name) for name in names}
        partial = Call(f"{POD}.partial", (), {**fields, **run})
        if len(names) == 1:
            yield items, self._each(of_item[names[0]])
            yield variable, Call("expand", (), {names[0]: Name(items)}, partial)
        else:
            yield items, self._each(of_item)
            yield variable, Call("expand_kwargs", (Name(items),), {}, partial)

    def _each(self, field: Node) -> Call:
        """The task that makes one field for each item of a list that is only known at run time."""
        options, listed, only = self._listing
        return Call("", (listed, field, *only), {}, Call("each.override", (), options))

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


def _fields_of_item(task: Task, run: dict[str, Node]) -> list[str]:
    """The fields that have the item of the loop in them, or the first of those that may differ."""
    fields = [name for name in run if any(isinstance(part, tuple) for part in nodes_of(run[name]))]
    fields = fields or [name for name in MAPPED if name in run][:1]
    if not fields or any(name not in SPREAD for name in fields):
        raise refusal("Step.loop", task.place[-1], "has the item of its loop in more than texts")
    return fields


def _plain(operator: str, arguments: dict[str, Node], fields: dict[str, Node]) -> Node:
    """A task that is no pod: an operator, or the call of a function that makes tasks."""
    if operator[0].isupper():
        return Call(operator, (), {**fields, **arguments})
    return Call("", (), arguments, Call(f"{operator}.override", (), fields))


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


def _skipping(conditions: tuple[Condition, ...]) -> Node:
    """The hook that skips a task."""
    comparisons, some = written(conditions)
    return Call("only_if", (comparisons,), {"some": True} if some else {})
