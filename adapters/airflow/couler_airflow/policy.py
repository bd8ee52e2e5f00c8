"""Airflow's cluster policy: caches the DAGs that asked for it, when they are parsed. Whatever fails, the DAG stays.

Airflow loads this module by the entry point `airflow.policy`. It runs in every process that parses a DAG file, and so
in every worker: what it does depends on the DAG and the settings alone.
"""

from __future__ import annotations

import logging
from typing import Any

import pluggy

__all__ = ["apply", "dag_policy"]

log = logging.getLogger(__name__)
hookimpl = pluggy.HookimplMarker("airflow.policy")  # what airflow.policies makes as well; no import of Airflow for it


@hookimpl
def dag_policy(dag: Any) -> None:
    """Caches the tasks of a DAG that its owner, or the settings, declared pure."""
    try:
        from couler_airflow.settings import is_enabled

        if is_enabled():
            apply(dag)
    except Exception as error:  # no DAG may vanish because of us
        log.info("the traceback:", exc_info=error)
        log.warning("the DAG %s is not cached: %s", getattr(dag, "dag_id", "?"), type(error).__name__)


def apply(dag: Any) -> dict[str, str]:
    """Caches what may be cached of a DAG; by task, why each of the others was left alone.

    A DAG that nobody has marked, and none of whose tasks is, stays as it is, and so does all where no store is set.
    """
    from couler_airflow.marks import Declaration, declared
    from couler_airflow.runtime.wrap import wrap
    from couler_airflow.settings import load_settings

    marks = {task_id: mark for task_id, task in dag.task_dict.items() if (mark := declared(task)) is not None}
    whole = declared(dag) or (Declaration() if load_settings("cache_tag", "cache_dags").covers(dag) else None)
    if not (marks or whole):
        return {}
    settings = load_settings()
    if not settings.cache_store:
        return {}
    left = {}
    for task_id, task in dag.task_dict.items():
        declaration = marks.get(task_id, whole)
        if declaration is None:
            continue
        reason = wrap(task, declaration=declaration, own=task_id in marks, operators=settings.cache_operators)
        if reason is not None:
            left[task_id] = reason
            log.debug("the task %s of %s is not cached: %s", task_id, dag.dag_id, reason)
    return left
