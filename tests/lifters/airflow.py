"""An Airflow DAG object as a workflow. The operators themselves are what runs: they are not taken apart here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from couler_plugins.ir import (
    AnyOf,
    Argument,
    Axis,
    Call,
    Graph,
    Literal,
    Loop,
    Need,
    Needs,
    Operation,
    Output,
    Port,
    Reference,
    Region,
    Retry,
    Step,
    Workflow,
    all_of,
)
from lifters.build import arguments, merged, native, ports, value

PULL = re.compile(r"\{\{\s*(?:ti|task_instance)\.xcom_pull\(task_ids=['\"]([\w.-]+)['\"]\)\s*\}\}")
FAILED = ("failed", "omitted")
ENDED = ("failed", "omitted", "skipped", "succeeded")
RULES: Mapping[str, tuple[tuple[str, ...] | None, tuple[str, ...] | None]] = {
    "all_success": (("succeeded",), None),
    "all_failed": (FAILED, None),
    "all_done": (ENDED, None),
    "all_done_min_one_success": (ENDED, ("succeeded",)),
    "all_done_setup_success": (ENDED, None),
    "one_success": (None, ("succeeded",)),
    "one_failed": (None, FAILED),
    "one_done": (None, ("failed", "succeeded")),
    "none_failed": (("skipped", "succeeded"), None),
    "none_skipped": (("failed", "omitted", "succeeded"), None),
    "none_failed_min_one_success": (("skipped", "succeeded"), ("succeeded",)),
    "all_skipped": (("skipped",), None),
    "always": (None, None),
}
"""For each trigger rule: the outcomes that all upstream tasks need, and those that at least one needs."""


def scan(text: str) -> list[str | Reference]:
    """A template's text, cut at the results that it pulls."""
    pieces: list[str | Reference] = []
    end = 0
    for match in PULL.finditer(text):
        pulled = Reference(to="output", kind="result", step=match[1], name="return_value", native=match[0])
        pieces += [text[end : match.start()], pulled]
        end = match.end()
    return merged([*pieces, text[end:]])


def plain(data: Any) -> Any:
    """`data` as scalars, lists and mappings, with references for what other tasks return, and `repr` for the rest."""
    kind = type(data).__name__
    if kind == "PlainXComArg":
        return Reference(to="output", kind="result", step=data.operator.task_id, name=data.key, native=str(data))
    if kind == "MappedArgument":
        return Reference(to="item", name=data._key)
    if kind.endswith("XComArg"):  # map, zip, concat
        many = getattr(data, "args", None) or [data.arg]
        return {kind: [plain(item) for item in many]}
    if isinstance(data, Mapping):
        return {str(key): plain(item) for key, item in data.items()}
    if isinstance(data, (list, tuple)):
        return [plain(item) for item in data]
    return data if data is None or isinstance(data, (str, int, float, bool)) else repr(data)


def lifted(data: Any) -> Any:
    data = plain(data)
    return data if isinstance(data, Reference) else value(data, scan)


def needs(task: Any) -> Needs | None:
    every, some = RULES[str(getattr(task.trigger_rule, "value", task.trigger_rule))]
    upstream = sorted(task.upstream_task_ids)
    parts: list[Needs] = [Need(step=name, outcomes=every) for name in upstream] if every else []
    if some and upstream:
        parts.append(AnyOf(needs=tuple(Need(step=name, outcomes=some) for name in upstream)))
    if task.trigger_rule == "all_done_setup_success":
        parts += [Need(step=item.task_id) for item in task.upstream_list if item.is_setup]
    return all_of(parts)


def loop(expand_input: Any) -> Loop:
    by_name = expand_input.value
    if isinstance(by_name, Mapping):
        axes = tuple(Axis(name=name, values=lifted(item)) for name, item in sorted(by_name.items()))
        return Loop(combine="product", axes=axes)
    return Loop(combine="rows", axes=(Axis(name="", values=lifted(by_name)),))


def step(task: Any) -> Step:
    mapped = getattr(task, "_is_mapped", False)
    fields = dict(task.partial_kwargs) if mapped else {name: getattr(task, name, None) for name in task.template_fields}
    passed = [Argument(name=name, value=lifted(fields[name])) for name in task.template_fields if name in fields]
    role = "setup" if task.is_setup else "teardown" if task.is_teardown else "normal"
    return Step(
        name=task.task_id,
        call=Call(name=f"task/{task.task_id}"),
        arguments=arguments(passed),
        needs=needs(task),
        loop=loop(task._get_specified_expand_input()) if mapped else None,
        tolerates=("failed",) if task.is_teardown and not task.on_failure_fail_dagrun else (),
        retry=Retry(limit=Literal(value=task.retries)) if task.retries else None,
        role=role,  # type: ignore[arg-type]
    )


def operation(task: Any) -> Operation:
    python = "PythonOperator" in [item.__name__ for item in getattr(task, "operator_class", type(task)).__mro__]
    inputs = ports(Port(name=name, optional=True) for name in task.template_fields)
    outputs = (Output(name="return_value"),)
    kind = "python" if python else task.task_type
    rest = native({"module": task._task_module if hasattr(task, "_task_module") else type(task).__module__}, scan)
    return Operation(name=f"task/{task.task_id}", kind=kind, inputs=inputs, outputs=outputs, inline=True, rest=rest)


def regions(group: Any, parent: str | None = None) -> Iterator[Region]:
    for child in group.children.values():
        if hasattr(child, "children"):
            expand = getattr(child, "_expand_input", None)
            steps = tuple(item.task_id for item in child.iter_tasks())
            yield Region(name=child.group_id, steps=steps, parent=parent, loop=loop(expand) if expand else None)
            yield from regions(child, child.group_id)


def lift(dag: Any) -> Workflow:
    """The workflow of one DAG."""
    tasks = list(dag.task_dict.values())
    graph = Graph(
        name=dag.dag_id,
        steps=tuple(step(task) for task in tasks),
        regions=tuple(regions(dag.task_group)),
        fail_fast=dag.fail_fast,
        parallelism=Literal(value=dag.max_active_tasks),
    )
    given = {name: plain(dag.params.get_param(name).value) for name in dag.params}
    return Workflow(
        engine="airflow",
        kind="DAG",
        name=dag.dag_id,
        parameters=ports(Port(name=name, value=value(item, scan)) for name, item in given.items()),
        entry=Step(name=dag.dag_id, call=Call(name=dag.dag_id)),
        graphs=(graph,),
        operations=tuple(operation(task) for task in tasks),
    )
