"""Changes one DAG in place, field by field, until it is the workflow that it is to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from couler_airflow.airflow_compat import check_cycle, trigger_rules
from couler_airflow.cache.rows import CACHE, Owner
from couler_airflow.errors import refuse_others, unsupported
from couler_airflow.journal import Journal
from couler_airflow.pod_settings import write_pod
from couler_airflow.pods import Pods
from couler_airflow.trigger_rules import DEFAULT, rule_of
from couler_airflow.values import seconds
from couler_plugins.errors import CoulerError, Unsupported
from couler_plugins.ir import Graph, Literal, Operation, Region, Retry, Step, Value, Workflow, references


def patch(dag: Any, operators: Mapping[int, Any], original: Workflow, wanted: Workflow, journal: Journal) -> None:
    """Makes a DAG what a workflow says. Operators stay where they are; what is not edited is not touched.

    Args:
        dag: the DAG, as it was lifted.
        operators: its operators, by the position of their step.
        original: what it was lifted to.
        wanted: what it is to be.
        journal: is told of everything before it changes.

    Raises:
        Unsupported: the table of capabilities does not claim an edit, or Airflow refuses what came of it.
    """
    refuse_others(original, wanted, ("graphs", "operations"), wanted.label)
    if len(wanted.graphs) != 1:
        raise unsupported("Workflow.graphs", wanted.label, "a DAG is one graph")
    if [item.source for item in original.operations] != [item.source for item in wanted.operations]:
        raise unsupported("Workflow.operations", wanted.label, "the operators of a DAG are its owner's")
    patch_graph(dag, operators, original.graphs[0], wanted.graphs[0], journal)
    patch_operations(zip(operators.values(), original.operations, wanted.operations, strict=True), journal)


def patch_operations(changes: Iterable[tuple[Any, Operation, Operation]], journal: Journal) -> None:
    """Makes the pods of tasks what operations say.

    Args:
        changes: each operator, with what it was lifted to and what it is to be.
        journal: is told of everything before it changes.

    Raises:
        Unsupported: the table of capabilities does not claim an edit, or a task has no place for it.
    """
    pods = Pods()
    for task, old, new in changes:
        if new is not old and new != old:
            journal.task(task)
            write_pod(task, pods.places(task), old, new)


def patch_graph(dag: Any, operators: Mapping[int, Any], old: Graph, new: Graph, journal: Journal) -> None:
    """Makes the tasks of a DAG what a graph says, and what holds for all of them.

    Args:
        dag: the DAG that the tasks are in.
        operators: the operators, by the position of their step.
        old: what they were lifted to.
        new: what they are to be.
        journal: is told of everything before it changes.

    Raises:
        Unsupported: the table of capabilities does not claim an edit, or Airflow refuses what came of it.
    """
    _Patcher(dag, operators, old, new, journal).run()


class _Patcher:
    def __init__(self, dag: Any, operators: Mapping[int, Any], old: Graph, new: Graph, journal: Journal) -> None:
        self._dag = dag
        self._operators = operators
        self._old = old
        self._new = new
        self._journal = journal
        self._owner = Owner(dag)
        self._setups = {step.name for step in old.steps if step.role == "setup"}

    def run(self) -> None:
        old, new = self._old, self._new
        refuse_others(old, new, ("steps", "fail_fast", "parallelism", "timeout"), new.name)
        if [step.source for step in old.steps] != [step.source for step in new.steps]:
            raise unsupported("Graph.steps", new.name, "the tasks of a DAG are its owner's")
        self._journal.dag(self._dag)
        self._graph()
        for number, (before, after) in enumerate(zip(old.steps, new.steps, strict=True)):
            if after is not before and after != before:
                self._step(self._operators[number], before, after)
        self._check()

    def _graph(self) -> None:
        old, new, dag = self._old, self._new, self._dag
        if new.fail_fast != old.fail_fast:
            if new.fail_fast is None:
                raise unsupported("Graph.fail_fast", new.name, "a DAG says whether it fails fast")
            dag.fail_fast = new.fail_fast
        if new.parallelism != old.parallelism:
            dag.max_active_tasks = _count(new.parallelism, "Graph.parallelism", new.name)
        if new.timeout != old.timeout:
            dag.dagrun_timeout = _duration(new.timeout, "Graph.timeout", new.name)

    def _step(self, task: Any, old: Step, new: Step) -> None:
        refuse_others(old, new, ("needs", "tolerates", "retry", "timeout", "directives"), new.name)
        self._journal.task(task)
        if new.retry != old.retry:
            if new.retry is not None:
                refuse_others(old.retry or Retry(), new.retry, ("limit",), new.name)
            task.retries = 0 if new.retry is None else _count(new.retry.limit, "Retry.limit", new.name)
        if new.timeout != old.timeout:
            task.execution_timeout = _duration(new.timeout, "Step.timeout", new.name)
        if new.tolerates != old.tolerates:
            self._tolerate(task, new)
        if new.needs != old.needs:
            self._wait(task, old, new)
        if new.directives != old.directives:
            self._ask(task, old, new)

    def _tolerate(self, task: Any, new: Step) -> None:
        if new.role != "teardown" or new.tolerates not in ((), ("failed",)):
            raise unsupported("Step.tolerates", new.name, "only the failure of a teardown is tolerated")
        if task.is_mapped:
            raise unsupported("Step.tolerates", new.name, "a mapped teardown says so where it is made")
        task.on_failure_fail_dagrun = not new.tolerates

    def _wait(self, task: Any, old: Step, new: Step) -> None:
        current = str(getattr(task.trigger_rule, "value", task.trigger_rule))
        try:
            rule, upstream = rule_of(new.needs, current, self._setups)
        except Unsupported as error:
            error.step = new.name
            raise
        if rule != current and new.role == "teardown":
            raise unsupported("Step.needs", new.name, "a teardown has its own trigger rule")
        before = set(task.upstream_task_ids)
        for name in sorted(before - upstream):
            self._cut(name, task, new)
        for name in sorted(upstream - before):
            self._journal.members(self._dag.task_dict[name].downstream_task_ids)
            self._dag.task_dict[name].downstream_task_ids.add(task.task_id)
            task.upstream_task_ids.add(name)
        if rule != current:
            task.trigger_rule = trigger_rules()(rule)

    def _cut(self, name: str, task: Any, new: Step) -> None:
        """Takes one edge away, and what is written at it."""
        if any(reference.step == name for reference in references((new.arguments, new.loop, self._regions_of(new)))):
            raise unsupported("Step.needs", new.name, f"it reads what {name!r} returns")
        before = self._dag.task_dict[name]
        if group := _joining(before, task):
            raise unsupported("Step.needs", new.name, f"{name!r} comes before it by an arrow of the group {group!r}")
        self._journal.members(before.downstream_task_ids)
        before.downstream_task_ids.discard(task.task_id)
        task.upstream_task_ids.discard(name)
        labels = self._dag.edge_info.get(name, {})
        labels.pop(task.task_id, None)
        if not labels:
            self._dag.edge_info.pop(name, None)

    def _regions_of(self, step: Step) -> tuple[Region, ...]:
        return tuple(region for region in self._new.regions if region.loop is not None and step.name in region.steps)

    def _ask(self, task: Any, old: Step, new: Step) -> None:
        if old.directives or new.directives != (CACHE,):
            limit = "a task that is cached stays so" if old.directives else "an operator can be asked to cache, no more"
            raise unsupported("Step.directives", new.name, limit)
        if objections := self._owner.wrap(task):
            raise unsupported("Step.directives", new.name, "; ".join(item.reason for item in objections))

    def _check(self) -> None:
        """Asks Airflow itself, which looks at a DAG before policies change it and not afterwards."""
        dag = self._dag
        broken = [task.task_id for task in dag.task_dict.values() if task.trigger_rule != DEFAULT]
        if dag.fail_fast and broken:
            reason = "a DAG that fails fast has tasks with the default trigger rule only"
            raise unsupported("Graph.fail_fast", broken[0], reason)
        try:
            check_cycle(dag)
            dag.validate()
        except CoulerError:
            raise
        except Exception as error:  # what Airflow raises here differs by version, and timetables are anyone's
            reason = " ".join(str(error).split())
            raise unsupported("Step.needs", dag.dag_id, f"Airflow refuses what came of it: {reason[:300]}") from error


def _joining(before: Any, after: Any) -> str | None:
    """The group whose own arrow put one task before another; None where it was put there by itself."""
    outer = {group.group_id for group in _groups(before)}
    inner = {group.group_id for group in _groups(after)}
    for group in _groups(after):
        if group.group_id not in outer and (
            before.task_id in group.upstream_task_ids or outer & group.upstream_group_ids - inner
        ):
            return str(group.group_id)
    for group in _groups(before):
        if group.group_id not in inner and after.task_id in group.downstream_task_ids:
            return str(group.group_id)
    return None


def _groups(task: Any) -> Iterator[Any]:
    """The groups that a task is in, from the inside out, without the DAG itself."""
    group = task.task_group
    while group is not None and group.group_id is not None:
        yield group
        group = group.parent_group


def _count(value: Value | None, feature: str, subject: str) -> int:
    if isinstance(value, Literal) and type(value.value) is int and value.value > 0:
        return value.value
    raise unsupported(feature, subject, "Airflow counts from one, in whole numbers that are known beforehand")


def _duration(value: Value | None, feature: str, subject: str) -> timedelta | None:
    if value is None:
        return None
    if isinstance(value, Literal) and isinstance(value.value, (int, float)) and value.value > 0:
        duration = timedelta(seconds=value.value)
        if Literal(value=seconds(duration)) == value:
            return duration
    raise unsupported(feature, subject, "a number of seconds is wanted, to the microsecond, and whole where it can be")
