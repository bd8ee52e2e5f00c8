"""What the owner of a DAG says of its tasks, on the objects and in the settings, and what follows for each of them.

An operator carries the directive `cache` out by the wrapper around its `execute`, and is read back from that.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

from couler_airflow.cache.eligible import is_keyed, structural, undeclared
from couler_airflow.marks import Declaration, declared
from couler_airflow.runtime.wrap import is_wrapped, wrap
from couler_airflow.settings import load_settings
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Directive

CACHE = Directive(kind="cache")
"""The only directive that an operator can carry out; what its owner says of it stands on the operator, not in here."""


class Owner:
    """Reads marks and settings.

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

    def says(self, task: Any) -> tuple[str, Declaration] | None:
        """Return where something is said of a task, the nearest place first, and what; None where nothing is."""
        if (own := declared(task)) is not None:
            around = "" if self._whole is None else self._whole.version
            version = str([around, own.version]) if around else own.version  # whoever raises either means it
            return f"the task {task.task_id!r}", dataclasses.replace(own, itself=True, version=version)
        return None if self._whole is None else (f"the DAG {self._dag.dag_id!r}", self._whole)

    def objections(self, task: Any) -> tuple[Objection, ...]:
        """Return what is known against a task before anybody looks at its code."""
        said = self.says(task)
        objections = structural(task, Declaration() if said is None else said[1])
        missing = undeclared(task, declared(task) is not None, self._operators)
        return objections if objections or missing is None else (missing,)

    def wrap(self, task: Any) -> tuple[Objection, ...]:
        """Have a task look its result up, or tell its key to what runs after it; return why it was left alone."""
        objections = self.objections(task)
        keyed = is_keyed(task, objections)
        if objections and not keyed:
            return objections
        said = self.says(task)
        wrap(task, Declaration() if said is None else said[1], stores=not keyed)
        return ()


def directives_of(task: Any) -> tuple[Directive, ...]:
    """What was asked of a task before, by lowering or by the policy."""
    return (CACHE,) if is_wrapped(task) else ()


def wrapped_tasks(dag: Any) -> list[str]:
    """The tasks of a DAG that are wrapped, in order."""
    return [task_id for task_id, task in dag.task_dict.items() if directives_of(task)]
