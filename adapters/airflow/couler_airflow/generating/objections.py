"""What a generated DAG has no place for, of steps, graphs and operations: refused by the name of the feature."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from couler_airflow.generating.errors import refusal
from couler_plugins.engine_kit.legalize.native_fields import beyond
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.ir import Graph, Node, Operation, Port, Step

__all__ = ["check_graph", "check_graph_call", "check_operation", "check_port", "check_step"]

STEP: Mapping[str, str] = {
    "handlers": "has hooks, or an exit handler of its own",
    "directives": "is to be cached or tuned",
}
CALLABLE: Mapping[str, str] = {
    "memoized": "is memoized",
    "locks": "takes mutexes or semaphores",
    "metrics": "reports metrics",
}
GRAPH: Mapping[str, str] = {
    **CALLABLE,
    "retry": "is retried as a whole",
    "timeout": "has a timeout as a whole",
    "finalizers": "has steps that run after all others",
    "regions": "has named subsets of its steps",
    "targets": "runs only what some of its steps need",
    "native_extra": "has more than steps, inputs and outputs",
}
PORT: Mapping[str, str] = {
    "kind": "is an artifact",
    "origin": "comes from elsewhere",
    "optional": "may stay empty",
    "path": "appears as a file",
    "native_extra": "has more than a name and a value",
}
OUTPUT: Mapping[str, str] = {
    "kind": "is an artifact",
    "exported": "is shown to the whole run",
    "native_extra": "has more than a name and a value",
}
OPERATION: Mapping[str, str] = {
    **CALLABLE,
    "daemon": "keeps running beside the steps after it",
    "directives": "is to be cached or tuned",
}
KINDS = ("container", "script")


def check_step(step: Step) -> None:
    """Raises `Unsupported` where a call has what no task has."""
    _check(step, STEP)
    if step.native_extra is not None:
        raise refusal("Step.native_extra", step.name, beyond(step.native_extra))
    if step.role != "normal":
        raise refusal("Step.role", step.name, f"is a {step.role}")


def check_graph_call(step: Step) -> None:
    """Raises `Unsupported` where the call of a graph has what only tasks have."""
    _check(step, {"retry": "is retried as a whole", "timeout": "has a timeout as a whole"})


def check_graph(graph: Graph, *, is_entry: bool) -> None:
    """Raises `Unsupported` where a graph has what no group of tasks has; the entry's is the DAG itself."""
    _check(graph, GRAPH)
    if graph.parallelism is not None and not is_entry:
        raise refusal("Graph.parallelism", graph.name, "limits how many of its steps run at a time", "use a pool")


def check_operation(operation: Operation) -> None:
    """Raises `Unsupported` where what runs is no container, or more than Airflow's operator for pods does."""
    if operation.kind not in KINDS and function_of(operation) is None:
        raise refusal("Operation.kind", operation.name, f"is a {operation.kind}, which Airflow has no operator for")
    _check(operation, OPERATION)
    for output in operation.outputs:
        _check(output, OUTPUT, operation.name)


def check_port(port: Port, step: str) -> None:
    """Raises `Unsupported` where what a step takes is more than a text."""
    _check(port, PORT, step)


def _check(node: Node, reasons: Mapping[str, str], owner: str = "") -> None:
    kind = "Operation" if isinstance(node, Operation) else type(node).__name__
    defaults = _defaults(type(node))
    for name, reason in reasons.items():
        if getattr(node, name) != defaults[name]:
            own = getattr(node, "name", "")
            raise refusal(
                f"{kind}.{name}", owner or own, f"has a {kind.lower()} {own!r} that {reason}" if owner else reason
            )


@cache
def _defaults(node_type: type[Node]) -> Mapping[str, Any]:
    return {field.name: field.default for field in msgspec.structs.fields(node_type)}
