"""Which tasks may be cached at all: what an operator is, before anything is known of a run."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from couler_airflow.marks import Declaration

__all__ = ["BRANCHES", "class_of", "is_mapped", "objection", "path_of"]

PURE = frozenset(
    {
        "airflow.providers.standard.operators.python.PythonOperator",
        "airflow.providers.standard.decorators.python._PythonDecoratedOperator",
    }
)
"""The operators that marking a DAG declares pure."""

BRANCHES = frozenset(
    {
        "airflow.providers.standard.operators.python.BranchPythonOperator",
        "airflow.providers.standard.operators.python.ShortCircuitOperator",
        "airflow.providers.standard.decorators.branch_python._BranchPythonDecoratedOperator",
        "airflow.providers.standard.decorators.short_circuit._ShortCircuitDecoratedOperator",
    }
)
"""Operators that always run, since they skip others, but whose choice is a function of a key."""

NEVER = {
    "BaseSensorOperator": "it waits for something",
    "BaseBranchOperator": "it decides what else runs",
    "BranchMixIn": "it decides what else runs",
    "SkipMixin": "it decides what else runs",
    "EmptyOperator": "it computes nothing",
    "TriggerDagRunOperator": "it starts a run of a DAG",
    "HITLOperator": "it asks a person",
    "ExternalTaskMarker": "it stands for a task elsewhere",
}
"""By the name of a base class from Airflow or one of its providers."""


def class_of(operator: Any) -> type:
    """The class of an operator, mapped or not."""
    return operator.operator_class if is_mapped(operator) else type(operator)


def is_mapped(operator: Any) -> bool:
    """Whether an operator is one that is expanded into several at run time."""
    return bool(getattr(operator, "is_mapped", False))


def path_of(cls: type) -> str:
    """The import path of a class."""
    return f"{cls.__module__}.{cls.__qualname__}"


def objection(operator: Any, declaration: Declaration, own: bool, operators: Collection[str]) -> str | None:
    """Why a task is never cached, whatever a run may bring; None where it may be.

    Args:
        operator: the operator.
        declaration: what holds for it.
        own: whether it was said of this very task, and not of its DAG.
        operators: the import paths of operators that are pure in a DAG that is.
    """
    cls = class_of(operator)
    if not declaration.cache:
        return "its owner said never"
    if operator.is_setup or operator.is_teardown:
        return "it sets up or tears down"
    for base in cls.__mro__:
        if base.__name__ in NEVER and base.__module__.startswith("airflow."):
            return NEVER[base.__name__]
    if operator.outlets:
        return "it has outlets, whose events say more than a result"
    if getattr(operator, "start_from_trigger", False):
        return "it starts from a trigger, where no worker can look"
    path = path_of(cls)
    if not (own or path in PURE or path in operators):
        return f"nobody has declared {cls.__name__} pure: mark the task, or list {path} in cache_operators"
    return None
