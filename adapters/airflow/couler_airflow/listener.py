"""Counts what the cache did in Airflow's own metrics, once a task has succeeded; makes a scheduler ready for tasks.

Airflow calls this, in the worker after the task; what it raises is logged by Airflow and fails no task.
Metrics: `couler.cache.hit`, `couler.cache.miss` and `couler.cache.uncached`, counters, and `couler.cache.saved`, the
milliseconds that a hit saved; tagged with `dag_id` and `task_id`. Source: `on_task_instance_success` of its listeners.
"""

from __future__ import annotations

import importlib
from typing import Any

import pluggy

from couler_airflow.runtime.last_report import recall
from couler_airflow.settings import is_enabled, load_settings

hookimpl = pluggy.HookimplMarker("airflow")  # what airflow.listeners makes as well; no import of Airflow for it
PREFIX = "couler.cache"
PARTS = (
    *("couler_airflow.installed", "couler_airflow.cache.rows", "couler_airflow.runtime.run"),
    *("couler_plugins.caching.artifacts.alluxio_store", "couler_plugins.caching.artifacts.opening"),
)
"""What imports all of ours that a task needs."""


@hookimpl
def on_starting(component: Any) -> None:
    """Import all that a cached task needs where a job of Airflow starts: a scheduler is copied for each task.

    Otherwise each task of the LocalExecutor imports it, which takes some 50 ms.
    """
    if type(component).__name__ != "Job":
        return  # a task that starts is a component as well; which job one is, nobody knows yet

    if is_enabled() and load_settings("cache_store").cache_store:
        for name in PARTS:
            importlib.import_module(name)
        from couler_plugins.caching.reads.observer import learn_libraries

        learn_libraries()


@hookimpl
def on_task_instance_success(previous_state: Any, task_instance: Any) -> None:
    """Counts one task that has run here; one that somebody marked a success was told nothing of."""
    record = recall(task_instance)
    if record is None:
        return
    from couler_airflow.airflow_compat import metrics

    stats = metrics()
    tags = {"dag_id": task_instance.dag_id, "task_id": task_instance.task_id}
    outcome = "uncached" if not record.get("cached") else "hit" if record.get("hit") else "miss"
    stats.incr(f"{PREFIX}.{outcome}", tags=tags)
    saved = record.get("saved_seconds")
    if outcome == "hit" and saved is not None:
        stats.timing(f"{PREFIX}.saved", 1000 * saved, tags=tags)
