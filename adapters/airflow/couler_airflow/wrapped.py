"""Our own marks on DAG objects, which Airflow neither serializes nor looks at: which tasks are cached, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_plugins.ir import Directive, Scalar

__all__ = ["KIND", "directives_of", "marked_tasks", "marks_of"]

KIND = "cache"
"""The only kind of directive that an operator can carry out."""
ATTRIBUTE = "couler_directives"
"""On a DAG: the directives of its tasks, by task id."""


def marks_of(dag: Any) -> dict[str, Directive]:
    """The marks of a DAG, by task id; what is written into them stays."""
    marks: dict[str, Directive] = dag.__dict__.setdefault(ATTRIBUTE, {})
    return marks


def directives_of(dag: Any, task_id: str) -> tuple[Directive, ...]:
    """What was asked of a task before."""
    found = dag.__dict__.get(ATTRIBUTE, {}).get(task_id)
    return () if found is None else (found,)


def marked_tasks(dag: Any) -> Mapping[str, Mapping[str, Mapping[str, Scalar]]]:
    """The marks as data: options by task and kind."""
    return {name: {item.kind: dict(item.options)} for name, item in sorted(dag.__dict__.get(ATTRIBUTE, {}).items())}
