"""What the owner of a DAG says of its tasks, on the objects and in the settings, and what follows for each of them.

An operator carries the directive `cache` out by the wrapper around its `execute`, and is read back from that.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import msgspec

from couler_airflow.cache.eligible import is_keyed, structural, undeclared
from couler_airflow.cache.rows import ROWS, TaskRows, merge_rows
from couler_airflow.marks import Declaration, declared
from couler_airflow.runtime.wrap import is_wrapped, wrap
from couler_airflow.settings import load_settings
from couler_plugins.caching.declarations import ASSUMED
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Directive

CACHE = Directive(kind="cache")
"""The only directive that an operator can carry out; what its owner says of it stands on the operator, not in here."""


class Owner:
    """Reads marks, settings, and rows of settings.

    Args:
        dag: the DAG.
    """

    def __init__(self, dag: Any) -> None:
        self._dag = dag

    @cached_property
    def _whole(self) -> Declaration | None:
        if (own := declared(self._dag)) is not None:
            return own
        return Declaration() if load_settings("cache_tag", "cache_dags").covers(self._dag) else None

    @cached_property
    def _operators(self) -> tuple[str, ...]:
        return load_settings("cache_operators").cache_operators

    @cached_property
    def _rows(self) -> TaskRows:
        return TaskRows(self._dag, getattr(self._dag, ROWS, ()))

    def says(self, task: Any) -> tuple[str, Declaration] | None:
        """Return where a task is declared, the nearest place first, and all that is said of it; None where nothing is.

        A row that names the task is nearer than its DAG, and less near than its own mark. Waivers add up.
        """
        where, declaration = self.resolve(task)
        return (where, declaration) if where else None

    def resolve(self, task: Any, *, assume_pure: bool = False) -> tuple[str, Declaration]:
        """Return the same as `says`; an empty place, with what rows say beside purity, where nobody declares the task.

        Args:
            task: the operator, mapped or not.
            assume_pure: whether a task of which nothing is said counts as declared pure.
        """
        own, rows = declared(task), self._rows.about(task)
        if own is not None and self._whole is not None and self._whole.version:  # whoever raises either means it
            own = replace(own, version=str([self._whole.version, own.version]))
        whole = self._whole if own is None else None
        places = {f"the task {task.task_id!r}": own, f"the DAG {self._dag.dag_id!r}": whole}
        marks = {where: replace(mark, itself=mark is own) for where, mark in places.items() if mark is not None}
        if rows:
            return merge_rows(rows, marks, assume_pure=assume_pure)
        return next(iter(marks.items()), (ASSUMED if assume_pure else "", Declaration()))

    def objections(self, task: Any) -> tuple[Objection, ...]:
        """Return what is known against a task before anybody looks at its code."""
        _, declaration = self.resolve(task)
        objections = structural(task, declaration)
        missing = undeclared(task, declaration.itself, self._operators)
        return objections if objections or missing is None else (in_row(missing, declaration),)

    def wrap(self, task: Any) -> tuple[Objection, ...]:
        """Have a task look its result up, or tell its key to what runs after it; return why it was left alone."""
        objections = self.objections(task)
        keyed = is_keyed(task, objections)
        if objections and not keyed:
            return objections
        wrap(task, self.resolve(task)[1], stores=not keyed)
        return ()


def in_row(missing: Objection, declaration: Declaration) -> Objection:
    """Return the objection to a task that nobody declares; where a row names the task, the remedy is to say it there.

    Args:
        missing: the objection, with a mark as its remedy.
        declaration: what is said of the task beside purity.
    """
    return msgspec.structs.replace(missing, remedy=f"pure = true, in {declaration.row}") if declaration.row else missing


def directives_of(task: Any) -> tuple[Directive, ...]:
    """What was asked of a task before, by lowering or by the policy."""
    return (CACHE,) if is_wrapped(task) else ()


def wrapped_tasks(dag: Any) -> list[str]:
    """The tasks of a DAG that are wrapped, in order."""
    return [task_id for task_id, task in dag.task_dict.items() if directives_of(task)]
