"""What moved between Airflow's minors, found where it is. Nothing here asks for a version."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["dag_bag", "serialized"]


def dag_bag() -> Any:
    """The class `DagBag`: in `airflow.dag_processing` from 3.2 on, among the models before.

    Raises:
        ImportError: Airflow is not installed, or is no Airflow 3.
    """
    return _first("DagBag", "airflow.dag_processing.dagbag", "airflow.models.dagbag")


def serialized(dag: Any) -> dict[str, Any]:
    """What Airflow serializes of a DAG; the class that does it was both halves in one before 3.2.

    Raises:
        ImportError: Airflow is not installed, or is no Airflow 3.
        Exception: whatever the code of a DAG's timetables, weights and operators raises.
    """
    module = importlib.import_module("airflow.serialization.serialized_objects")
    found: dict[str, Any] = getattr(module, "DagSerialization", module.SerializedDAG).to_dict(dag)
    return found


def _first(name: str, *modules: str) -> Any:
    for module in modules[:-1]:
        try:
            return getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError):
            continue
    try:
        return getattr(importlib.import_module(modules[-1]), name)
    except AttributeError as error:
        raise ImportError(f"there is no {name} in {modules[-1]}") from error
