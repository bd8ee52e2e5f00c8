"""What tasks read of others beside what they are handed: results that their code and their templates pull.

`ti.xcom_pull(task_ids="extract")` names its task; a name that is computed could be any task's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from couler_airflow.eligible import class_of
from couler_airflow.order import Order
from couler_airflow.pulls import BLOCK, Named, texts_named
from couler_airflow.split.code import EARLIER, THEIRS, Code
from couler_airflow.split.templates import Texts, is_legible
from couler_plugins.errors import Unsupported

__all__ = ["Call", "Reads", "reads_of"]

OURS = frozenset({"_BaseOperator__init_kwargs", "_dag", "task_group"})
"""Attributes of an operator that hold nothing which the others do not."""
PAST = re.compile("|".join(sorted(EARLIER)))


class Call(NamedTuple):
    """A call of `xcom_pull` in a template: the ids of the tasks that it names, and the key."""

    tasks: tuple[str, ...]
    key: str


class Reads(NamedTuple):
    """What tasks read of others of their DAG, beside what they are handed.

    Attributes:
        code: by task, the ids of tasks that its code names, and templates that stay as they are, and the keys.
        texts: by task, the calls of `xcom_pull` in its templates, as far as they name tasks of this DAG.
    """

    code: Mapping[str, set[tuple[str, str]]]
    texts: Mapping[str, list[Call]]


def reads_of(dag: Any) -> Reads:
    """What the tasks of a DAG read.

    Raises:
        Unsupported: only the run can tell what a task reads, or it reads by the id of the DAG, or of other runs.
    """
    code: dict[str, set[tuple[str, str]]] = {}
    texts: dict[str, list[Call]] = {}
    functions, order = Code(), Order(dag.task_dict)
    if any(functions.pulled(hook) for hook in (dag.on_success_callback, dag.on_failure_callback)):
        raise _refused(dag.dag_id, "a callback of the DAG pulls results, and the tasks are in other DAGs then")
    for task_id, task in dag.task_dict.items():
        result = Texts(task)
        _check(task_id, task, result)
        for item in (item for text in result.plain for item in texts_named(text)):
            names = tuple(name for name in _literal(item, task_id, dag.dag_id) if name in dag.task_dict)
            for name in names:
                if order.is_behind(name, task_id):
                    reason = f"the task {task_id!r} pulls the result of {name!r}, which does not come before it"
                    raise _refused(task_id, reason)
            if names:
                texts.setdefault(task_id, []).append(Call(names, str(item.key)))
        pulled = [item for source in _sources(dag, task, result) for item in functions.pulled(source)]
        for item in (*pulled, *(item for text in result.hidden for item in texts_named(text))):
            if item.dag == dag.dag_id:
                raise _undecided(task_id)
            for name in _literal(item, task_id, dag.dag_id):
                if name in dag.task_dict:
                    code.setdefault(task_id, set()).add((name, str(item.key)))
    return Reads(code, texts)


def _check(task_id: str, task: Any, texts: Texts) -> None:
    if texts.unknown or not all(is_legible(text, task) for text in texts):
        raise _undecided(task_id)
    if any(PAST.search(block[0]) for text in texts for block in BLOCK.finditer(text)):
        raise _past(task_id)


def _literal(item: Named, task_id: str, dag_id: str) -> tuple[str, ...]:
    """The tasks of this DAG that are named; none of another DAG, and not the task itself.

    Raises:
        Unsupported: only the run can tell.
    """
    own = item.dag in (None, dag_id)
    if item.dag is ... or (own and (item.tasks is ... or (item.tasks and item.key is ...))):
        raise _undecided(task_id)
    if own and (item.past or item.run is not None):
        raise _past(task_id)
    if not own and not isinstance(item.run, str):
        reason = f"the task {task_id!r} pulls from the run of {item.dag!r} with its own id, which is another in a part"
        raise _refused(task_id, reason)
    return item.tasks if own and item.tasks is not ... else ()


def _undecided(task_id: str) -> Unsupported:
    reason = "only the run can tell which results the task {!r} pulls, and in a part it would not find all of them"
    hint = "name the tasks and the key as literals, without dag_id: ti.xcom_pull(task_ids='extract')"
    return _refused(task_id, reason.format(task_id), hint)


def _past(task_id: str) -> Unsupported:
    return _refused(task_id, f"the task {task_id!r} looks at earlier runs, of which a part has its own")


def _refused(step: str, reason: str, hint: str = "leave split out of the pipeline for this DAG") -> Unsupported:
    return Unsupported(reason, engine="airflow", step=step, feature="xcom_pull", hint=hint)


def _sources(dag: Any, task: Any, texts: Texts) -> Iterator[Any]:
    """The functions that run for a task, and objects that may hold some, as far as they are its owner's."""
    fields = task.partial_kwargs if task.is_mapped else vars(task)
    yield from (value for name, value in fields.items() if name not in OURS)
    if task.is_mapped:
        yield task._get_specified_expand_input().value
    for base in class_of(task).__mro__:
        if not base.__module__.startswith(THEIRS) and base is not object:
            yield from vars(base).values()
    for name, value in ((dag.user_defined_macros or {}) | (dag.user_defined_filters or {})).items():
        if any(name in text for text in texts):
            yield value
