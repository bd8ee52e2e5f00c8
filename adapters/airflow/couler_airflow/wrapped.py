"""The directive `cache`, which an operator carries out by the wrapper around its `execute`, and is read back from."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from couler_airflow.marks import Declaration, declared
from couler_plugins.ir import Directive

__all__ = ["CACHE", "Owner", "directives_of", "is_branch", "wrapped_tasks"]

CACHE = Directive(kind="cache")
"""The only directive that an operator can carry out; what its owner says of it stands on the operator, not in here."""


def directives_of(task: Any) -> tuple[Directive, ...]:
    """What was asked of a task before, by lowering or by the policy."""
    from couler_airflow.runtime.wrap import is_wrapped

    return (CACHE,) if is_wrapped(task) else ()


def wrapped_tasks(dag: Any) -> list[str]:
    """The tasks of a DAG that are wrapped, in order."""
    return [task_id for task_id, task in dag.task_dict.items() if directives_of(task)]


def is_branch(task: Any) -> bool:
    """Whether a task decides what else runs, by a function of what it is handed."""
    from couler_airflow.eligible import BRANCHES, class_of, path_of

    return path_of(class_of(task)) in BRANCHES


class Owner:
    """What the owner of a DAG says of its tasks, on the objects and in the settings.

    Args:
        dag: the DAG.
    """

    def __init__(self, dag: Any) -> None:
        self._dag = dag

    @cached_property
    def _settings(self) -> Any:
        from couler_airflow.settings import load_settings

        return load_settings()

    @cached_property
    def _whole(self) -> Declaration | None:
        return declared(self._dag) or (Declaration() if self._settings.covers(self._dag) else None)

    def says(self, task: Any) -> tuple[str, Declaration] | None:
        """Where something is said of a task, the nearest place first, and what; None where nothing is."""
        if (own := declared(task)) is not None:
            return f"the task {task.task_id!r}", own
        return None if self._whole is None else (f"the DAG {self._dag.dag_id!r}", self._whole)

    def objection(self, task: Any, declaration: Declaration) -> str | None:
        """Why a task is never cached, whatever a run may bring; None where it may be, or its choice has a key."""
        from couler_airflow.eligible import objection

        framing = task.is_setup or task.is_teardown
        if is_branch(task) and declaration.cache and not framing:
            return None
        return objection(task, declaration, declared(task) is not None, self._settings.cache_operators)

    def wrap(self, task: Any) -> str | None:
        """Has a task look its result up; why it was left alone, else None."""
        from couler_airflow.runtime.wrap import is_wrapped, wrap

        said = self.says(task)
        declaration = Declaration() if said is None else said[1]
        own = declared(task) is not None
        reason = wrap(task, declaration=declaration, own=own, operators=self._settings.cache_operators)
        return None if is_wrapped(task) else reason or "it cannot be wrapped"
