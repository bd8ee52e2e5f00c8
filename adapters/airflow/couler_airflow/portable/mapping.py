"""Mapped tasks of Python: over lists that stand in the DAG, and over what another task returned."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import product
from typing import Any

from couler_airflow.portable.jinja import has_jinja
from couler_airflow.portable.legality import refuse
from couler_airflow.portable.programs import Read, Want
from couler_airflow.pulls import RESULT
from couler_plugins.ir import Axis, Loop, Native, Reference

HINT = "map over constants of JSON, or over what one task returns"


def loop_of(task: Any) -> tuple[tuple[str, ...], Loop, tuple[Read, ...]]:
    """Return the names of what a mapped function is given of each item, the loop, and what that reads.

    Raises:
        Unsupported: it is mapped over something else than constants, or one list.
    """
    if "op_kwargs" not in task.partial_kwargs or task.operator_class.__name__ == "PythonOperator":
        raise refuse("Step.loop", task.task_id, "is mapped over the arguments of an operator", "write it by @task")
    expanded = task._get_specified_expand_input().value
    if not isinstance(expanded, Mapping):
        if not isinstance(expanded, (list, tuple)) or not expanded or not all(isinstance(i, Mapping) for i in expanded):
            raise refuse("Loop.axes", task.task_id, "is mapped over what is only known at run time, or nothing", HINT)
        return _constant(task, [dict(item) for item in expanded])
    if len(expanded) == 1:
        ((name, values),) = expanded.items()
        if type(values).__name__ == "PlainXComArg":
            return (name,), *_of_task(task, values)
    columns = [[*_rows(task, name, values)] for name, values in expanded.items()]
    return _constant(task, [dict(row) for row in product(*columns)])


def _rows(task: Any, name: str, values: Any) -> Any:
    items = list(values.items()) if isinstance(values, Mapping) else values
    if not isinstance(items, (list, tuple)) or not items:
        raise refuse("Loop.axes", task.task_id, "is mapped over what is only known at run time, or over nothing", HINT)
    return ((name, item) for item in items)


def _constant(task: Any, rows: list[dict[str, Any]]) -> tuple[tuple[str, ...], Loop, tuple[Read, ...]]:
    names = tuple(rows[0])
    if any(tuple(row) != names for row in rows):
        raise refuse("Loop.axes", task.task_id, "is mapped over items that are not given the same", HINT)
    try:
        texts = [{name: json.dumps(value) for name, value in row.items()} for row in rows]
    except TypeError:
        raise refuse("Loop.axes", task.task_id, "is mapped over items that are no JSON", HINT) from None
    if any(has_jinja(text) for row in texts for text in row.values()):
        raise refuse("Loop.axes", task.task_id, "is mapped over texts that Airflow renders", HINT)
    items = [row[names[0]] for row in texts] if len(names) == 1 else texts
    return names, Loop(axes=(Axis(name="item", values=Native.of(items)),)), ()


def _of_task(task: Any, values: Any) -> tuple[Loop, tuple[Read, ...]]:
    other = values.operator
    if other.is_mapped:
        if values.key != RESULT:
            raise refuse("Loop.axes", task.task_id, "is mapped over one of several XComs of a mapped task", HINT)
        want = Want(RESULT, "json")
    else:
        want = Want(values.key, "items")
    reference = Reference(to="output", kind="parameter", step=other.task_id, name=want.output)
    return Loop(axes=(Axis(name="item", values=reference),)), (Read(other.task_id, want),)
