"""Splits a DAG in place: it keeps its id, schedule and history; operators and task groups move into DAGs of parts."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from couler_airflow.bundle import LiveDag
from couler_airflow.journal import Journal
from couler_airflow.lift import arguments_of
from couler_airflow.patching import patch_graph, patch_operations
from couler_airflow.settings import WHOLE
from couler_airflow.split.plan import PART_TAG
from couler_airflow.split.roles import says
from couler_airflow.split.texts import places, respelled
from couler_airflow.values import Values
from couler_plugins.ir import Call, Operation, Step, Workflow, callables, needed, replace

# The task groups of a part: copies of those that its tasks were in, one in the other as they were.

ARROWS = ("upstream_group_ids", "downstream_group_ids", "upstream_task_ids", "downstream_task_ids")
"""What a group knows of arrows that were drawn to or from it as a whole."""


def groups_of(root: Any) -> dict[str, Any]:
    """All groups below the root of a DAG, by their ids."""
    return {group.group_id: group for group in _below(root)}


def _below(group: Any) -> Iterator[Any]:
    for child in group.children.values():
        if hasattr(child, "children"):
            yield child
            yield from _below(child)


class Groups:
    """Makes the groups of one part as its tasks ask for them.

    Args:
        shell: the DAG of the part, with its root.
        originals: the groups of the whole DAG, by their ids; they stay as they are.
    """

    def __init__(self, shell: Any, originals: dict[str, Any]) -> None:
        self._shell = shell
        self._originals = originals
        self._copies: dict[str, Any] = {}

    def of(self, group: Any) -> Any:
        """The part's own group for one of the whole DAG (None, or the root, for none)."""
        group_id = None if group is None else group.group_id
        if group_id is None:
            return self._shell.task_group
        if group_id not in self._copies:
            original = self._originals[group_id]
            outer = self.of(original.parent_group)
            own = copy.copy(original)
            own.children = {}
            own.dag = self._shell
            own.parent_group = weakref.proxy(outer)
            outer.children[group_id] = self._copies[group_id] = own
        return self._copies[group_id]

    def trim(self, inside: set[str]) -> set[str]:
        """Leaves out the arrows of groups to and from what is in other parts.

        Args:
            inside: the ids of the part's tasks.

        Returns:
            The names under which arrows at these groups are labelled.
        """
        names = inside | self._copies.keys()
        for group in self._copies.values():
            for name in ARROWS:
                setattr(group, name, getattr(group, name) & names)
        return {name for group in self._copies.values() for name in (group.upstream_join_id, group.downstream_join_id)}


PARTS = "couler_parts"
"""The attribute in which a DAG that was split holds the DAGs of its parts."""
SAME = ("executor", "executor_config", "owner", "queue", "run_as_user")
"""What a proxy has in common with the task that it stands for: it runs where that one may run."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


def split(
    live: LiveDag, original: Workflow, coordinator: Workflow, parts: Sequence[Workflow], journal: Journal
) -> tuple[Any, ...]:
    """Makes a DAG what is left of it, and DAGs of its parts.

    Args:
        live: the DAG, as it was lifted.
        original: what it was lifted to.
        coordinator: what it is to be.
        parts: its parts.
        journal: is told of everything before it changes.

    Returns:
        The DAGs of the parts.

    Raises:
        Unsupported: the table of capabilities does not claim an edit of a task, or Airflow refuses what came of it.
    """
    return _Splitting(live, original, coordinator, parts, journal).run()


def parts_of(dag: Any) -> tuple[Any, ...]:
    """The DAGs of the parts of a DAG that was split; none of any other."""
    parts: tuple[Any, ...] = getattr(dag, PARTS, ())
    return parts


class _Splitting:
    def __init__(
        self, live: LiveDag, original: Workflow, coordinator: Workflow, parts: Sequence[Workflow], journal: Journal
    ) -> None:
        self._dag = live.dag
        self._coordinator = coordinator
        self._parts = parts
        self._journal = journal
        self._before = original.graphs[0]
        pairs = list(zip(self._before.steps, live.operators, strict=True))
        self._steps = {step.source: step for step, _ in pairs}
        self._operators = {step.source: task for step, task in pairs}
        self._operations = {item.source: item for item in original.operations}
        self._groups = groups_of(live.dag.task_group)
        self._owners = {step.name: part.name for part in parts for step in _kept(part)}

    def run(self) -> tuple[Any, ...]:
        dag = self._dag
        for task in self._operators.values():
            self._journal.task(task)
        shells = tuple(self._part(part) for part in self._parts)
        self._journal.dag(dag)
        dag.__dict__ |= {"task_dict": {}, "edge_info": {}, PARTS: shells, "task_group": _root(dag)}
        _add(dag, self._coordinator, dag.default_args)
        for shell, workflow in ((dag, self._coordinator), *zip(shells, self._parts, strict=True)):
            self._patch(shell, workflow)
        for shell in shells:
            _register(shell, self._journal)
        return shells

    def _part(self, part: Workflow) -> Any:
        """A DAG like the one that is split, but for its id and schedule, with the part's operators moved into it."""
        from couler_airflow.split.timetable import timetable_of_part

        dag = self._dag
        shell = copy.copy(dag)
        shell.__dict__ |= {
            "dag_id": part.name,
            WHOLE: dag.dag_id,
            "dag_display_name": part.name,
            "timetable": timetable_of_part(dag.timetable),
            "schedule": None,
            "catchup": False,
            "tags": {*dag.tags, PART_TAG},
            "default_args": {},  # its operators have them already, and proxies are not to have them
            "task_dict": {},
            "edge_info": {},
            "is_paused_upon_creation": False,
            "max_consecutive_failed_dag_runs": 0,  # else Airflow pauses it
            "allowed_run_types": None,
            "auto_register": True,
            **dict.fromkeys(("on_success_callback", "on_failure_callback", "deadline")),
            **dict.fromkeys(("has_on_success_callback", "has_on_failure_callback"), False),
        }
        shell.__dict__["task_group"] = _root(shell)
        _add(shell, part, {}, dag.task_dict)
        moving = {step.source: self._operators[step.source] for step in _kept(part)}
        own = {task.task_id for task in moving.values()}
        inside = {*shell.task_dict, *own}
        groups = Groups(shell, self._groups)
        for source, task in moving.items():
            here = {need.step for need in needed(self._steps[source].needs)} | own
            where = places(dag.dag_id, part.name, here, self._owners)
            _move(task, shell, groups.of(task.task_group), inside)
            fields = task.partial_kwargs if task.is_mapped else vars(task)
            fields.update(respelled(task, where))
        shell.__dict__["edge_info"] = dict(_labels(dag, inside | groups.trim(inside)))
        return shell

    def _patch(self, dag: Any, workflow: Workflow) -> None:
        """Makes the tasks that were moved what the workflow says, which other optimizers may have changed."""
        kept = _kept(workflow)
        values = Values(dag.task_dict, dag.dag_id)
        tasks = [self._operators[step.source] for step in kept]
        # What split itself has changed of their arguments is nothing that would be refused.
        steps = (
            replace(self._steps[step.source], arguments=arguments_of(task, values))
            if step.arguments != self._steps[step.source].arguments
            else self._steps[step.source]
            for step, task in zip(kept, tasks, strict=True)
        )
        new = replace(workflow.graphs[0], steps=tuple(kept), source=self._before.source)
        old = replace(self._before, name=new.name, regions=new.regions, steps=tuple(steps))
        patch_graph(dag, dict(enumerate(tasks)), old, new, self._journal)
        kinds = [(self._operations.get(item.source), item) for item in workflow.operations]
        patch_operations(((self._operators[new.source], old, new) for old, new in kinds if old), self._journal)


def _kept(workflow: Workflow) -> list[Step]:
    """The steps that are tasks of the DAG that was split."""
    return [step for step in workflow.graphs[0].steps if step.source is not None]


def _move(task: Any, shell: Any, group: Any, inside: set[str]) -> None:
    """Hands an operator to a part; what comes before it there, or a proxy of that, has the same name."""
    fields = {"task_group": weakref.proxy(group), "dag" if task.is_mapped else "_dag": shell}
    for name, value in fields.items():
        object.__setattr__(task, name, value)  # operators take every attribute that is set for an argument
    task.downstream_task_ids.intersection_update(inside)
    task.upstream_task_ids.intersection_update(inside)  # who always starts waits for nothing, and needs no proxy
    for name in task.upstream_task_ids & shell.task_dict.keys():
        shell.task_dict[name].downstream_task_ids.add(task.task_id)  # its proxies; of others it is known
    group.children[task.task_id] = task
    shell.task_dict[task.task_id] = task


def _add(dag: Any, workflow: Workflow, defaults: Mapping[str, Any], like: Mapping[str, Any] = NOTHING) -> None:
    """Makes the tasks that a split adds, and the edges between them.

    Args:
        dag: the DAG that they go into.
        workflow: what it is to be.
        defaults: arguments of tasks, of which they take where tasks run.
        like: the tasks that proxies stand for, by their ids.
    """
    from airflow.sdk.definitions._internal.contextmanager import DagContext, TaskGroupContext

    from couler_airflow.split import operators as split_operators

    by_name = callables(workflow)
    added = [step for step in workflow.graphs[0].steps if step.source is None]
    # Whatever DAG or group is open where a DAG file calls us is not theirs.
    DagContext.push(None)  # type: ignore[arg-type]  # as Airflow does it to have none
    TaskGroupContext.push(None)  # type: ignore[arg-type]  # as above
    try:
        for step in added:
            assert isinstance(step.call, Call)
            item = by_name[step.call.name]
            assert isinstance(item, Operation)
            twin = like.get(step.name)
            where = {name: _given(twin, defaults, name) for name in SAME}
            fields = {name: value for name, value in where.items() if value is not None}
            task = getattr(split_operators, item.kind)(task_id=step.name, **says(item), **fields)
            dag.task_group.add(task)
            task.dag = dag
    finally:
        TaskGroupContext.pop()
        DagContext.pop()
    for step in added:
        for need in needed(step.needs):
            dag.task_dict[step.name].upstream_task_ids.add(need.step)
            dag.task_dict[need.step].downstream_task_ids.add(step.name)


def _given(task: Any, defaults: Mapping[str, Any], name: str) -> Any:
    return defaults.get(name) if task is None else getattr(task, name, None)


def _root(dag: Any) -> Any:
    from airflow.sdk import TaskGroup

    return TaskGroup.create_root(dag)


def _labels(dag: Any, inside: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for before, labels in dag.edge_info.items():
        kept = {after: label for after, label in labels.items() if after in inside}
        if before in inside and kept:
            yield before, kept


def _register(shell: Any, journal: Journal) -> None:
    """Has Airflow find the part, where it is loading the DAG file at the moment."""
    from airflow.sdk.definitions._internal.contextmanager import DagContext

    journal.members(DagContext.autoregistered_dags)
    with shell:
        pass
