"""From DAG objects to the IR. The operators are what runs; they stay where they are and are pointed to by sources.

Which tasks come after which: what a text pulls of a task behind its own is of an earlier run, or not there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterator, Mapping
from functools import cached_property
from typing import Any

from couler_airflow.bundle import TASKS, DagBundle
from couler_airflow.cache.rows import directives_of
from couler_airflow.homes import HOMES, POD
from couler_airflow.pod_settings import BASE, BASE_CONTAINER, base_container, containers_of, said_of, weight_of
from couler_airflow.pods import Pods
from couler_airflow.retries import retry_of
from couler_airflow.split.roles import links_of, said_by
from couler_airflow.trigger_rules import needs_of
from couler_airflow.values import Values, module_name, seconds
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Graph,
    Literal,
    Loop,
    Native,
    Operation,
    Output,
    Port,
    Region,
    Source,
    Step,
    Workflow,
)
from couler_plugins.plan import Plan


class Order:
    """The order of the tasks of one DAG, looked at when somebody asks.

    Args:
        tasks: the tasks by their ids.
    """

    def __init__(self, tasks: Mapping[str, Any]) -> None:
        self._tasks = tasks

    def is_behind(self, name: str, start: str) -> bool:
        """Whether a task comes after another, directly or not; also whether it is that task itself."""
        places = self._places
        last = places[name]
        if last < places[start]:
            return False
        waiting, seen = [start], {start}
        while waiting:
            current = waiting.pop()
            if current == name:
                return True
            after = self._tasks[current].downstream_task_ids - seen
            # What comes later in the order than the task that is looked for cannot lead to it.
            near = [item for item in after if places[item] <= last]
            seen.update(near)
            waiting += near
        return False

    @cached_property
    def _places(self) -> Mapping[str, int]:
        """Every task's place in one order in which they could run; tasks in a cycle come last."""
        remaining = {name: len(task.upstream_task_ids) for name, task in self._tasks.items()}
        ready = [name for name, number in remaining.items() if not number]
        for name in ready:
            for after in self._tasks[name].downstream_task_ids:
                remaining[after] -= 1
                if not remaining[after]:
                    ready.append(after)
        return dict.fromkeys(self._tasks, len(self._tasks)) | {name: place for place, name in enumerate(ready)}


@dataclasses.dataclass(frozen=True, slots=True)
class Others:
    """The tasks whose results a task may find: all but itself and what comes after it."""

    tasks: Container[str]
    order: Order
    task_id: str

    def __contains__(self, name: object) -> bool:
        """Whether a text of the task that pulls from this one refers to it."""
        return isinstance(name, str) and name in self.tasks and not self.order.is_behind(name, self.task_id)


def lift(bundle: DagBundle, refuse: Callable[[int, CoulerError], None]) -> Plan:
    """The workflows of all DAGs of the bundle.

    Args:
        bundle: the DAGs.
        refuse: is told the number and the error of each file that could not be loaded or lifted.
    """
    errors = dict(bundle.errors)
    workflows: list[Workflow] = []
    for number, live in enumerate(bundle.live):
        try:
            workflows.append(lift_dag(live.dag, number))
        except RecursionError:
            message = f"a value in the DAG {live.dag.dag_id!r} holds itself, or is nested too deeply"
            errors.setdefault(bundle.file_numbers[number], InvalidInput(message, engine="airflow"))
        except CoulerError as error:
            errors.setdefault(bundle.file_numbers[number], error)
    for file, reason in errors.items():
        reason.file = reason.file or bundle.files[file].name
        refuse(file, reason)
    lifted = tuple(workflows)
    links = tuple(link for workflow in lifted for link in links_of(workflow))
    return Plan(bundle=bundle, originals=lifted, workflows=lifted, links=links, homes=HOMES).without(errors)


def lift_dag(dag: Any, document: int) -> Workflow:
    """The workflow of one DAG.

    Args:
        dag: the DAG.
        document: its number in the bundle, for the sources.

    Raises:
        Unsupported: it uses a trigger rule that is not known here.
    """
    return _Lifter(dag, document).workflow()


def template_values(task: Any) -> Mapping[str, Any]:
    """What a task hands to its operator, by the name of the field, as far as Airflow renders it."""
    if task.is_mapped:
        return {name: task.partial_kwargs[name] for name in task.template_fields if name in task.partial_kwargs}
    return {name: getattr(task, name, None) for name in task.template_fields}


def arguments_of(task: Any, values: Values) -> tuple[Argument, ...]:
    """What a task hands to its operator.

    Args:
        task: the task.
        values: lifts values of its DAG.
    """
    values_of = sorted(template_values(task).items())
    return tuple(Argument(name=name, value=values.value(value)) for name, value in values_of)


class _Lifter:
    def __init__(self, dag: Any, document: int) -> None:
        self._dag = dag
        self._document = document
        self._values = Values(dag.task_dict, dag.dag_id)
        self._order = Order(dag.task_dict)
        self._pods = Pods()
        self._setups = {task.task_id for task in dag.task_dict.values() if task.is_setup}

    def workflow(self) -> Workflow:
        dag = self._dag
        tasks = list(dag.task_dict.values())
        return Workflow(
            engine="airflow",
            kind="DAG",
            name=dag.dag_id,
            parameters=tuple(self._parameters()),
            entry=Step(name=dag.dag_id, call=Call(name=dag.dag_id), source=self._source()),
            graphs=(self._graph(tasks),),
            operations=tuple(self._operation(task, number) for number, task in enumerate(tasks)),
            native_extra=self._rest(),
            source=self._source(),
        )

    def _source(self, *path: str | int) -> Source:
        return (self._document, *path)

    def _parameters(self) -> Iterator[Port]:
        for name in sorted(self._dag.params):
            value = self._dag.params.get_param(name).value
            has_value = type(value).__name__ != "NoValueSentinel" and type(value).__name__ != "ArgNotSet"
            yield Port(name=name, value=self._values.value(value) if has_value else None)

    def _rest(self) -> Native:
        dag = self._dag
        return self._values.native(
            {
                "timetable": type(dag.timetable).__name__,
                "tags": sorted(dag.tags),
                "catchup": dag.catchup,
                "max_active_runs": dag.max_active_runs,
            }
        )

    def _graph(self, tasks: list[Any]) -> Graph:
        dag = self._dag
        timeout = dag.dagrun_timeout
        return Graph(
            name=dag.dag_id,
            steps=tuple(self._step(task, number) for number, task in enumerate(tasks)),
            regions=tuple(self._regions(dag.task_group, None)),
            timeout=None if timeout is None else Literal(value=seconds(timeout)),
            fail_fast=bool(dag.fail_fast),
            parallelism=Literal(value=dag.max_active_tasks),
            source=self._source("dag"),
        )

    def _regions(self, group: Any, parent: str | None) -> Iterator[Region]:
        for child in group.children.values():
            if hasattr(child, "children"):
                expand = getattr(child, "_expand_input", None)
                steps = tuple(task.task_id for task in child.iter_tasks())
                loop = None if expand is None else self._loop(expand, self._values)
                yield Region(name=child.group_id, steps=steps, parent=parent, loop=loop)
                yield from self._regions(child, child.group_id)

    def _step(self, task: Any, number: int) -> Step:
        timeout = task.execution_timeout
        values = Values(Others(self._dag.task_dict, self._order, task.task_id), self._dag.dag_id)
        return Step(
            name=task.task_id,
            call=Call(name=f"task/{task.task_id}"),
            arguments=arguments_of(task, values),
            needs=needs_of(
                str(getattr(task.trigger_rule, "value", task.trigger_rule)), task.upstream_task_ids, self._setups
            ),
            loop=self._loop(task._get_specified_expand_input(), values) if task.is_mapped else None,
            tolerates=("failed",) if task.is_teardown and not task.on_failure_fail_dagrun else (),
            retry=retry_of(task),
            timeout=None if timeout is None else Literal(value=seconds(timeout)),
            role="setup" if task.is_setup else "teardown" if task.is_teardown else "normal",
            directives=directives_of(task),
            source=self._source(*TASKS, number),
        )

    def _loop(self, expand_input: Any, values: Values) -> Loop:
        items = expand_input.value
        if isinstance(items, Mapping):
            axes = tuple(Axis(name=name, values=values.value(item)) for name, item in items.items())
            return Loop(combine="product", axes=axes)
        return Loop(combine="rows", axes=(Axis(name="", values=values.value(items)),))

    def _operation(self, task: Any, number: int) -> Operation:
        """What a task runs: no two tasks share it, even where both are written alike, so it is inline."""
        operator = task.operator_class
        python = any(item.__name__ == "PythonOperator" for item in operator.__mro__)
        places = self._pods.places(task)
        assets = {name: [self._asset(item) for item in getattr(task, name)] for name in ("inlets", "outlets")}
        what = {"operator": operator.__qualname__, "module": module_name(operator.__module__), **said_by(task)}
        what |= {name: items for name, items in assets.items() if items}
        if (name := base_container(task)) != BASE:
            what[BASE_CONTAINER] = name
        said = said_of(task, places)
        pod = {name: said.pop(name) for name in (POD,) if name in said}
        return Operation(
            name=f"task/{task.task_id}",
            kind="python" if python else task.task_type,
            inputs=tuple(Port(name=name, optional=True) for name in sorted(task.template_fields)),
            outputs=(Output(name="return_value"),),
            containers=containers_of(task, places),
            inline=True,
            native_extra=self._values.native({**what, **said, **weight_of(task), **pod}),
            source=self._source(*TASKS, number),
        )

    def _asset(self, item: Any) -> Any:
        known = {name: str(getattr(item, name)) for name in ("name", "uri") if hasattr(item, name)}
        return known or item
