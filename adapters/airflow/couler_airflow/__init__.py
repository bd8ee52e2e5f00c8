"""Adapter of Airflow: DAGs as workflows, and a cache for the results of tasks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = ["cached", "dataset", "never", "optimize", "tune"]

if TYPE_CHECKING:
    from couler_airflow.dags import optimize
    from couler_airflow.datasets import dataset
    from couler_airflow.marks import cached, never
    from couler_airflow.tuning import tune
else:  # type checkers would take any name for one of ours

    def __getattr__(name: str) -> object:
        """Imports what the authors of DAGs want on first use.

        `lift` and `lower` are modules here; those for DAG objects are in `couler_airflow.dags`.
        """
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = {"dataset": "datasets", "optimize": "dags", "tune": "tuning"}.get(name, "marks")
        return getattr(import_module(f"{__name__}.{module}"), name)
