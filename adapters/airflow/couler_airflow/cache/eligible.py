"""Which tasks may be cached at all: what an operator is, before anything is known of a run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from couler_airflow.marks import Declaration

if TYPE_CHECKING:
    from couler_plugins.hookspecs.caching import Objection

PURE = frozenset(
    {
        "airflow.providers.standard.operators.python.PythonOperator",
        "airflow.providers.standard.decorators.python._PythonDecoratedOperator",
    }
)
"""The operators that marking a DAG declares pure."""

POD = "airflow.providers.cncf.kubernetes.operators.pod.KubernetesPodOperator"
"""The operator whose result is that of the pod which its fields say, and of nothing that its worker does."""

BRANCHES = frozenset(
    {
        "airflow.providers.standard.operators.python.BranchPythonOperator",
        "airflow.providers.standard.operators.python.ShortCircuitOperator",
        "airflow.providers.standard.decorators.branch_python._BranchPythonDecoratedOperator",
        "airflow.providers.standard.decorators.short_circuit._ShortCircuitDecoratedOperator",
    }
)
"""Operators that always run, since they skip others, but whose choice is a function of a key."""

FROM_TRIGGER = "it starts from a trigger, before any worker could look up a result"
BRANCH = "it decides what else runs"

NEVER = {
    "BaseSensorOperator": "it waits for something",
    "BaseBranchOperator": BRANCH,
    "BranchMixIn": BRANCH,
    "SkipMixin": BRANCH,
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


def kind_of(cls: type) -> str:
    """Return why the result of such an operator is never used again; empty where it may be.

    Args:
        cls: the class of an operator.
    """
    bases = (base for base in cls.__mro__ if base.__module__.startswith("airflow."))
    kinds = (NEVER[base.__name__] for base in bases if base.__name__ in NEVER)
    return BRANCH if path_of(cls) in BRANCHES else next(kinds, "")


def is_branch(operator: Any) -> bool:
    """Return whether a task decides what else runs by a function of what it is handed, so that its choice has a key."""
    return path_of(class_of(operator)) in BRANCHES


def is_pod(operator: Any) -> bool:
    """Return whether all that a task computes is computed in a pod, which nobody observes."""
    return path_of(getattr(class_of(operator), "__couler_original__", class_of(operator))) == POD


def is_keyed(operator: Any, objections: Iterable[Objection]) -> bool:
    """Return whether a task runs every time, under a key for what comes after it.

    Args:
        operator: the operator, mapped or not.
        objections: what is known against reusing its result, by what it is.
    """
    return is_branch(operator) and {"operator", "outlets"}.issuperset(item.rule for item in objections)


def structural(operator: Any, declaration: Declaration) -> tuple[Objection, ...]:
    """Return what forbids that a task's result is reused, whatever a run may bring and an owner may declare.

    Args:
        operator: the operator, mapped or not.
        declaration: what its owner says of it.
    """
    from couler_airflow.runtime.wrap import obstacle

    if not declaration.cache:
        return (_objection("never", f"{declaration.row or 'its owner'} said never"),)
    kind = kind_of(class_of(operator))
    replaced = obstacle(operator)
    rules = (
        ("role", "it sets up or tears down", operator.is_setup or operator.is_teardown),
        ("operator", kind, kind),
        ("outlets", "it has outlets, whose events say more than a result", operator.outlets),
        ("replaced", replaced, replaced),
        ("trigger", FROM_TRIGGER, getattr(operator, "start_from_trigger", False)),
    )
    return tuple(_objection(rule, reason) for rule, reason, holds in rules if holds)


def _objection(rule: str, reason: str, remedy: str = "") -> Objection:
    from couler_plugins.hookspecs.caching import Objection

    return Objection(rule, reason, remedy=remedy)


def undeclared(operator: Any, own: bool, operators: Collection[str]) -> Objection | None:
    """Return what is missing where a DAG is declared pure, and that says nothing of such an operator; else None.

    Args:
        operator: the operator, mapped or not.
        own: whether something was declared of this very task, and not of its DAG.
        operators: the import paths of operators that are pure in a DAG that is.
    """
    path = path_of(class_of(operator))
    if own or path in PURE or path in operators:
        return None
    remedy = f"couler_airflow.cached(…) of the task, or {path} in cache_operators"
    return _objection("not-declared", f"nobody has declared {class_of(operator).__name__} pure", remedy=remedy)
