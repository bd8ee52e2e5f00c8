"""Steps that are functions of Python, as tasks of Airflow's own: values pass as they are, by XComs.

Source: `airflow.sdk.bases.decorator` (3.3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from couler_airflow.generating.needs import Rule, Wait
from couler_airflow.generating.order import Incoming
from couler_airflow.generating.printing import Call, Name, Node, expanded
from couler_airflow.generating.task import Run, Task
from couler_airflow.generating.texts import Jinja, Text, constant, map_data, spelt
from couler_airflow.legal import Diagnostics, refusal
from couler_plugins.engine_kit.legalize.python.functions import Function, Kind, constant_of, function_of, typed_by
from couler_plugins.ir import Operation


def tell_of(operation: Operation, function: Function, diagnostics: Diagnostics) -> None:
    """Tell what a function in Airflow's own process does not have of its container."""
    (container,) = operation.containers
    if container.requests or container.limits:
        diagnostics.lose(operation.name, "asks for resources")
    if function.packages:
        reason = f"it runs in Airflow's own process, which needs {', '.join(function.packages)}"
        diagnostics.note(operation.name, "is not installed for", reason)


def mapped_over(listed: Text | None, operation: Operation, incoming: Incoming) -> int | None:
    """The task whose result a function is mapped over, where that is the result of another function as it is."""
    match listed:
        case (Jinja(of=(int(number), "")),) if function_of(operation) is not None:
            return number if may_wait(incoming.rule, incoming.waits, number) else None
    return None


def may_wait(rule: Rule, waits: Sequence[Wait], number: int) -> bool:
    """Whether it changes nothing if a task waits for another one: Airflow lets it, where it is given its value."""
    return rule.name == "all_success" or any(wait.task == number for wait in waits)


def functions_of(tasks: Sequence[Task], names: Collection[str]) -> dict[str, Function]:
    """The functions of a DAG by their names.

    Args:
        tasks: its tasks.
        names: names that mean something else in a DAG file.

    Raises:
        Unsupported: two have one name, or one has a name that means something in a DAG file.
    """
    functions: dict[str, Function] = {}
    for task in tasks:
        function = function_of(task.operation) if task.operation is not None else None
        if function is None:
            continue
        if functions.setdefault(function.name, function) != function or function.name in names:
            reason = f"runs the function {function.name!r}, and that means something else in the same file"
            raise refusal("Operation.kind", task.place[-1], reason, "give the function another name")
    return functions


def definition_of(function: Function) -> str:
    """A function as one that makes tasks."""
    several = "(multiple_outputs=True)" if len(function.outputs) > 1 or "result" not in dict(function.outputs) else ""
    return f"@task{several if function.outputs else ''}\n@{typed_by(function)}\n{function.source}"


class Functions:
    """The tasks of a DAG that are functions.

    Args:
        variables: the variables of tasks by their numbers.
    """

    def __init__(self, variables: Mapping[int, str]) -> None:
        self._variables = variables

    def called(self, task: Task, function: Function, fields: dict[str, Node], items: str = "") -> Node:
        """The call of a function's task.

        Args:
            task: the task.
            function: what it runs.
            fields: what the operator is called with beside that.
            items: the task that gives its runs the texts that they are called with, where there is one.

        Raises:
            Unsupported: what it is called with in its runs differs in a way that Airflow cannot say.
        """
        override = Call(f"{function.name}.override", (), fields)
        runs = [self._arguments(task, function, run) for run in task.runs]
        if not task.loops:
            return Call("", (), runs[0], override)
        if task.spread:
            names = [name for name, node in runs[0].items() if _is_of_item(node)]
        else:
            names = [name for name in runs[0] if any(run[name] != runs[0][name] for run in runs)] or list(runs[0])[:1]
        if not names:
            raise refusal("Step.loop", task.place[-1], "loops, and its function takes nothing", "pass it the item")
        same = {name: node for name, node in runs[0].items() if name not in names}
        partial = Call("partial", (), same, override) if same else override
        if not task.spread:
            return expanded(partial, runs, names)
        return self._spread(task, partial, {name: runs[0][name] for name in names}, items)

    def field(self, task: Task, function: Function) -> Node:
        """What the only parameter is made of that has the item of a loop over texts.

        Raises:
            Unsupported: none has it, or several do.
        """
        item_fields = [node for node in self._arguments(task, function, task.runs[0]).values() if _is_of_item(node)]
        if len(item_fields) != 1:
            reason = "loops over a text that is only known at run time, and does not pass the item as one parameter"
            raise refusal("Step.loop", task.place[-1], reason, "loop over what a function returns")
        return item_fields[0]

    def _arguments(self, task: Task, function: Function, run: Run) -> dict[str, Node]:
        values = run.scope.inputs
        inputs = (item for item in function.inputs if item.name in values)
        return {item.name: self._argument(task, values[item.name], item.kind) for item in inputs}

    def _argument(self, task: Task, text: Text, kind: Kind) -> Node:
        text_constant = constant(text)
        if text_constant is not None:
            try:
                data = constant_of(text_constant, kind)
            except ValueError as error:
                name = task.place[-1]
                raise refusal("Step.arguments", name, f"passes what is of another kind: {error}") from None
            return map_data(data, lambda item: spelt((item,), jinja=task.loops) if isinstance(item, str) else item)
        match text:
            case (Jinja(of=(int(number), str(key))),) if may_wait(task.rule, task.waits, number):
                return self._name(number, key)
        return spelt(text, jinja=task.loops)

    def _name(self, number: int, key: str) -> Name:
        return Name(self._variables[number] + (f"[{key!r}]" if key else ""))

    def _spread(self, task: Task, partial: Call, fields: dict[str, Any], items: str) -> Node:
        """A function that is mapped over what is only known at run time."""
        if task.over is None:
            return Call("expand", (), dict.fromkeys(fields, Name(items)), partial)
        listed = self._name(task.over, "")
        if any(len(node) != 1 for node in fields.values()):
            hint = "do that in the function"
            raise refusal("Step.loop", task.place[-1], "puts the item of its loop into a text", hint)
        if list(fields.values()) == [([],)]:
            return Call("expand", (), dict.fromkeys(fields, listed), partial)
        keys = {name: "".join(f"[{key!r}]" for key in node[0]) for name, node in fields.items()}
        parts = (f"{name!r}: item{key}" for name, key in keys.items())
        each = f"lambda item: {{{', '.join(parts)}}}"
        return Call("expand_kwargs", (Name(f"{listed.code}.map({each})"),), {}, partial)


def _is_of_item(node: Node) -> bool:
    """Whether something is put together with the item of a loop: see `texts.spelt`."""
    return isinstance(node, tuple)
