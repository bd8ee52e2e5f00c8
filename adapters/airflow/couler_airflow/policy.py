"""Airflow's cluster policy: caches the DAGs that asked for it, when they are parsed. Whatever fails, the DAG stays.

Airflow loads this module by the entry point `airflow.policy`. It runs in every process that parses a DAG file, and so
in every worker: what it does depends on the DAG and the settings alone.
"""

from __future__ import annotations

import logging
from typing import Any

import pluggy

from couler_airflow.settings import is_enabled, load_settings

log = logging.getLogger(__name__)
hookimpl = pluggy.HookimplMarker("airflow.policy")  # what airflow.policies makes as well; no import of Airflow for it


@hookimpl
def dag_policy(dag: Any) -> None:
    """Caches the tasks of a DAG that its owner, or the settings, declared pure."""
    try:
        if is_enabled():
            apply(dag)
    except Exception as error:  # no DAG may vanish because of us
        log.info("the traceback:", exc_info=error)
        log.warning("the DAG %s is not cached: %s", getattr(dag, "dag_id", "?"), type(error).__name__)


def apply(dag: Any) -> None:
    """Cache what may be cached of a DAG; workers say why they do not cache the others.

    A DAG that nobody has marked, and none of whose tasks is, stays as it is, and so does all where no store is set.
    """
    from couler_airflow.cache.rows import Owner

    owner = Owner(dag)
    tasks = [task for task in dag.task_dict.values() if owner.says(task) is not None]
    if not tasks or not load_settings().cache_store:
        return
    for task in tasks:
        if objections := owner.wrap(task):
            reasons = "; ".join(item.reason for item in objections)
            log.debug("the task %s of %s is not cached: %s", task.task_id, dag.dag_id, reasons)
