"""The directive `cache`, which an operator carries out by the wrapper around its `execute`, and is read back from."""

from __future__ import annotations

from typing import Any

from couler_airflow.runtime.wrap import is_wrapped
from couler_plugins.ir import Directive

__all__ = ["CACHE", "directives_of", "wrapped_tasks"]

CACHE = Directive(kind="cache")
"""The only directive that an operator can carry out; what its owner says of it stands on the operator, not in here."""


def directives_of(task: Any) -> tuple[Directive, ...]:
    """What was asked of a task before, by lowering or by the policy."""
    return (CACHE,) if is_wrapped(task) else ()


def wrapped_tasks(dag: Any) -> list[str]:
    """The tasks of a DAG that are wrapped, in order."""
    return [task_id for task_id, task in dag.task_dict.items() if directives_of(task)]
