"""What ran before a task: tokens of the results that it may depend on without being handed their values.

A token says which result it was: the key, and a digest of what was made. A task that was run again, because somebody
cleared it, has another token exactly if it made something else. What has no token makes the tasks after it uncacheable
in this run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from couler_airflow.cache.eligible import class_of, is_mapped, is_pod, path_of
from couler_airflow.marks import Declaration
from couler_plugins.caching.code.uncacheable import Uncacheable
from couler_plugins.caching.keys import VERSION, digest
from couler_plugins.documents.mappings import reached
from couler_plugins.hookspecs.caching import Objection

XCOM = "couler_cache"
"""The XCom in which a task says what the cache did."""

GATE = "couler_airflow.split.operators.PartGate"
"""The class of the tasks that open parts of a DAG that was split."""

HOOKS = ("_pre_execute_hook", "_post_execute_hook", "on_execute_callback", "on_success_callback")
"""Where an operator has functions of its owner."""

MOST = 100
"""Tasks before one that are asked, each of which takes a call of Airflow's API."""

PRODUCER = "producer"
"""The rule of what comes after a task without a key."""

READS_BEHIND = frozenset({"connections", "files", "network", "programs"})
"""What lets a task see more of another's work than the value it is handed."""


def token_of(key: str, sha256: str) -> str:
    """The token of a result.

    Args:
        key: its key.
        sha256: the digest of what was made.
    """
    return digest([VERSION, "airflow-token", key, sha256])


class Before:
    """What ran right before a task in this run.

    Args:
        task: the operator of the run.
        ti: its task instance.
        declaration: what its owner says of it.
    """

    def __init__(self, task: Any, ti: Any, declaration: Declaration) -> None:
        self._ti = ti
        self._dag = task.dag
        self._operator = task.dag.task_dict.get(task.task_id, task)
        self._all = sorted(upstream(self._dag, self._operator))
        self._by_order = by_order(self._dag, self._operator, declaration)
        self._told: dict[str, list[Any]] = {}

    def tokens(self) -> list[str]:
        """Return the tokens of all that hands it no value.

        Raises:
            Uncacheable: some of them have none, or they are too many to ask.
        """
        if objections := too_many(self._by_order):
            raise Uncacheable(objections=objections)
        tokens: list[str] = []
        objections = []
        for task_id in self._by_order:
            own = [item.get("token") if isinstance(item, dict) else None for item in self._tell(task_id)]
            if not own or any(not isinstance(token, str) for token in own):
                objections.append(without_key(task_id))
            elif len(own) != self._expected(task_id):
                objections.append(Objection(PRODUCER, f"not all of {task_id!r} before it have a key"))
            tokens += map(str, own)
        if objections:
            raise Uncacheable(objections=objections)
        return tokens

    def keys(self) -> tuple[str, ...]:
        """The keys of the results before it, as far as there are any: what an eviction policy weighs by."""
        records = (item for task_id in self._all[:MOST] for item in self._tell(task_id))
        return tuple(
            sorted({item["key"] for item in records if isinstance(item, dict) and isinstance(item.get("key"), str)})
        )

    def _tell(self, task_id: str) -> list[Any]:
        if task_id not in self._told:
            # Of a task that is expanded together with this one, only the instance beside it was before it.
            where = {"map_indexes": [self._ti.map_index]} if self._is_beside(task_id) else {}
            rows = self._ti.xcom_pull(task_ids=[task_id], key=XCOM, **where)
            self._told[task_id] = [item for item in rows or () if item is not None]
        return self._told[task_id]

    def _expected(self, task_id: str) -> int:
        operator = self._dag.task_dict[task_id]
        expanded = is_mapped(operator) or _group_of(operator) is not None
        if not expanded or self._is_beside(task_id):
            return 1
        return int(self._ti.get_ti_count(dag_id=self._ti.dag_id, task_ids=[task_id], run_ids=[self._ti.run_id]))

    def _is_beside(self, task_id: str) -> bool:
        operator = self._dag.task_dict[task_id]
        group = _group_of(operator)
        both = group is not None and group is _group_of(self._operator)
        return both and not is_mapped(operator) and not is_mapped(self._operator)


def by_order(dag: Any, operator: Any, declaration: Declaration) -> list[str]:
    """Return the tasks before one whose results its key does not cover by their values.

    What a task was handed says all of what is behind that, unless it sees more than values, as pods may: then all
    before it count.
    """
    if not READS_BEHIND.intersection(declaration.allow) and not is_pod(operator):
        return sorted(upstream(dag, operator) - passed_by_value(operator))
    return sorted(reached(upstream(dag, operator), lambda task_id: upstream(dag, dag.task_dict[task_id])))


def without_key(task_id: str, remedy: str = "") -> Objection:
    """Return the objection to what runs after a task that has no key."""
    return Objection(PRODUCER, f"{task_id!r} runs before it, and no key covers what that has done", remedy=remedy)


def too_many(tasks: Collection[str]) -> list[Objection]:
    """Return the objection to more tasks before one than a worker asks about; none where they are fewer."""
    if len(tasks) <= MOST:
        return []
    return [Objection(PRODUCER, f"{len(tasks)} tasks before it hand it no value, more than {MOST}")]


def _group_of(operator: Any) -> Any:
    """The innermost task group that an operator is expanded with; None where there is none."""
    return next(operator.iter_mapped_task_groups(), None)


def upstream(dag: Any, operator: Any) -> set[str]:
    """The tasks right before one; what does nothing (EmptyOperator) is looked through.

    The gate of a part only says when a task may start: what is behind it is in no key of the whole DAG either.
    """

    def behind(task_id: str) -> Iterable[str]:
        one = dag.task_dict[task_id]
        return one.upstream_task_ids if _does_nothing(one) else ()

    task_ids = reached(operator.upstream_task_ids, behind)
    return {task_id for task_id in task_ids if not _does_nothing(one := dag.task_dict[task_id]) and not _is_gate(one)}


def _is_gate(operator: Any) -> bool:
    return path_of(class_of(operator)) == GATE


def _does_nothing(operator: Any) -> bool:
    cls = class_of(operator)
    is_empty = cls.__name__ == "EmptyOperator" and cls.__module__.startswith("airflow.")
    hooks = (getattr(operator, name, None) for name in HOOKS)
    return is_empty and not operator.outlets and not any(hooks)


def passed_by_value(operator: Any) -> set[str]:
    """The tasks whose results are in its arguments, and so in its key by their values."""
    return {producer.task_id for producer in _producers(operator)}


def _producers(operator: Any) -> Iterator[Any]:
    from airflow.sdk.definitions.xcom_arg import XComArg

    if not is_mapped(operator):
        sources = [getattr(operator, name, None) for name in operator.template_fields]
    else:
        sources = [operator.partial_kwargs]
        for name in ("expand_input", "op_kwargs_expand_input"):
            value = getattr(operator, name, None)
            if value is not None:
                yield from (producer for producer, _ in value.iter_references())
    for source in sources:
        yield from (producer for producer, _ in XComArg.iter_xcom_references(source))
