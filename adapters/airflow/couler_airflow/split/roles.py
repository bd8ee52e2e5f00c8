"""The tasks that a split adds to DAGs, by the name of their class, and what each says of itself in the IR."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from couler_airflow.runtime.upstream import XCOM
from couler_plugins.ir import Native, Operation, Output, Workflow, callables, callee_of
from couler_plugins.plan import Link

TRIGGER, PROXY, WATCHER, GATE = "PartTrigger", "PartProxy", "RunWatcher", "PartGate"
"""What runs a part, stands for a task of another one, gives the whole its state, waits for all proxies."""
ADDED = frozenset({TRIGGER, PROXY, WATCHER, GATE})
MODULE = "couler_airflow.split.operators"
FIELDS = "couler_fields"
"""The attribute in which such a task keeps what it says of itself."""


def operation(task: str, role: str, fields: Mapping[str, Any]) -> Operation:
    """The operation of a task that a split adds, as lifting gives it.

    Args:
        task: its id.
        role: one of the four.
        fields: what it says of itself.
    """
    message = json.dumps({"operator": role, "module": MODULE, **fields}, separators=(",", ":"))
    return Operation(
        name=f"task/{task}",
        kind=role,
        outputs=(Output(name="return_value"),),
        inline=True,
        native_extra=Native(parts=(message,)),
    )


def says(item: Operation) -> dict[str, Any]:
    """What an operation of such a task says of itself."""
    assert item.native_extra is not None
    message: dict[str, Any] = json.loads("".join(str(part) for part in item.native_extra.parts))
    return {name: value for name, value in message.items() if name not in ("operator", "module")}


def said_by(task: Any) -> Mapping[str, Any]:
    """What a task says of itself; nothing where it is none of these."""
    fields: Mapping[str, Any] = getattr(task, FIELDS, {})
    return fields


def links_of(workflow: Workflow) -> Iterator[Link]:
    """What a part takes over from others: the XComs that its proxies hand on."""
    by_name = callables(workflow)
    for step in workflow.graphs[0].steps:
        proxied = callee_of(step, by_name)
        if isinstance(proxied, Operation) and proxied.kind == PROXY:
            message = says(proxied)
            for name in (f"{step.name}.{key}" for key in message["keys"] if key != XCOM):
                yield Link(producer=message["part"], output=name, consumer=workflow.label, input=name, kind="parameter")
