"""What tests need of Airflow that has another name in each of its minors."""

from __future__ import annotations

import os
import sys
from typing import Any

from couler_airflow.airflow_compat import dag_bag, serialized

__all__ = ["airflow_hash", "empty_bag", "forget_plugins", "known_plugins", "sync"]


def empty_bag() -> Any:
    """A bag of DAGs with nothing in it."""
    return dag_bag()(dag_folder=os.devnull, collect_dags=False)


def sync(bag: Any, bundle: str) -> None:
    """Writes the DAGs of a bag into Airflow's database."""
    if hasattr(bag, "sync_to_db"):
        bag.sync_to_db(bundle, None)
    else:
        sys.modules[type(bag).__module__].sync_bag_to_db(bag, bundle, None)


def airflow_hash(dag: Any) -> str:
    """What Airflow itself compares to see whether a DAG has changed."""
    from airflow.models.serialized_dag import SerializedDagModel

    digest: Any = SerializedDagModel.hash  # without types
    return str(digest(serialized(dag)))


def known_plugins() -> set[str]:
    """The names of Airflow's plugins."""
    from airflow import plugins_manager

    manager: Any = plugins_manager
    manager.ensure_plugins_loaded()
    found = manager._get_plugins()[0] if hasattr(manager, "_get_plugins") else manager.plugins
    return {str(plugin.name) for plugin in found}


def forget_plugins() -> None:
    """Has Airflow look for its plugins again."""
    from airflow import plugins_manager

    manager: Any = plugins_manager
    for name in ("_get_plugins", "get_timetables_plugins", "get_priority_weight_strategy_plugins"):
        if hasattr(manager, name):
            getattr(manager, name).cache_clear()
    for name in ("plugins", "timetable_classes", "priority_weight_strategy_classes"):
        if hasattr(manager, name):
            setattr(manager, name, None)
