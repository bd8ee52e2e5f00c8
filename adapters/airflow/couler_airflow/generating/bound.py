"""What the references inside of a graph or an operation stand for, at one of its calls."""

from __future__ import annotations

from collections.abc import Callable

from couler_airflow.generating.errors import refusal
from couler_airflow.generating.objections import check_port
from couler_airflow.generating.texts import Scope, Text, resolve
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.ir import Graph, Literal, Operation, Reference, Step

__all__ = ["bound", "with_item", "with_output"]


def bound(step: Step, callee: Graph | Operation, scope: Scope, *, is_entry: bool) -> Scope:
    """The scope inside of what a step calls.

    Args:
        step: the call.
        callee: what it calls.
        scope: where it is called.
        is_entry: whether the run itself calls it, and hands its parameters on.

    Raises:
        Unsupported: it takes, or is handed, more than texts, or lacks one.
    """
    values = {}
    is_function = isinstance(callee, Operation) and function_of(callee) is not None
    for argument in step.arguments:
        if argument.kind != "parameter":
            raise refusal("Argument.kind", step.name, f"hands the artifact {argument.name!r} on")
        if is_function and argument.value == Literal(value=None):
            continue  # nothing is passed
        values[argument.name] = resolve(argument.value, scope, step.name)
    inputs: dict[str, Text] = {}
    for port in callee.inputs:
        if not is_function:
            check_port(port, step.name)
        if port.name in values:
            inputs[port.name] = values[port.name]
        elif is_entry and port.name in scope.parameters:
            inputs[port.name] = scope.parameters[port.name]
        elif (value := port.value if port.value is not None else port.default) is not None:
            inputs[port.name] = resolve(value, Scope(scope.parameters), step.name)
        elif not (is_function and port.optional):
            raise refusal("Port.value", step.name, f"gets no value for {port.name!r}", "pass one")
    return Scope(scope.parameters, inputs)


def with_item(scope: Scope, item: object) -> Scope:
    """The scope inside of a loop."""
    return Scope(scope.parameters, scope.inputs, scope.output, (item,))


def with_output(scope: Scope, output: Callable[[Reference], Text]) -> Scope:
    """The scope of the steps of a graph."""
    return Scope(scope.parameters, scope.inputs, output)
