"""What moved between Airflow's minors, found where it is. Nothing here asks for a version."""

from __future__ import annotations

import importlib
import logging
from typing import Any

log = logging.getLogger(__name__)


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
    data: dict[str, Any] = getattr(module, "DagSerialization", module.SerializedDAG).to_dict(dag)
    return data


def check_cycle(dag: Any) -> None:
    """Refuses tasks that wait for each other in a circle; a method of the DAG from 3.1 on.

    Raises:
        Exception: they do; of Airflow's own class.
    """
    method = getattr(dag, "check_cycle", None)
    if method is None:
        _first("check_cycle", "airflow.utils.dag_cycle_tester")(dag)
    else:
        method()


def context_keys() -> set[str]:
    """What a callable may ask for by the name of a parameter; in the SDK from 3.1 on."""
    return set(_first("KNOWN_CONTEXT_KEYS", "airflow.sdk.definitions.context", "airflow.utils.context"))


def trigger_rules() -> Any:
    """The enumeration `TriggerRule`; in the SDK from 3.1 on."""
    return _first("TriggerRule", "airflow.sdk", "airflow.utils.trigger_rule")


def metrics() -> Any:
    """What counts and times; in the SDK from 3.2 on, where workers set it up."""
    return _first("Stats", "airflow.sdk.observability.stats", "airflow.stats")


def retry_defaults() -> tuple[Any, Any]:
    """`retry_delay`, and `retry_exponential_backoff`, which is a multiplier from 3.2 on and says yes or no before."""
    operator = _first("BaseOperator", "airflow.sdk")
    return operator.retry_delay, operator.retry_exponential_backoff


def tries(session: Any, dag: str, run: str) -> list[Any]:
    """Tries of the task instances of a run: earlier ones, and the last ones too from 3.4 on, which has one table."""
    from sqlalchemy import select

    try:
        kind = _first("TaskInstanceHistory", "airflow.models.taskinstancehistory")
    except ImportError:
        kind = _first("TaskInstance", "airflow.models.taskinstance")
    query = select(kind).where(kind.dag_id == dag, kind.run_id == run)
    return list(session.scalars(query.execution_options(include_all_attempts=True)))


def entries_of(row: Any, try_number: int) -> list[Any]:
    """The log of a try, read as the API server does; empty where that cannot be done from here.

    Args:
        row: the try in the database.
        try_number: which one it is.
    """
    try:
        entries, _ = _first("TaskLogReader", "airflow.utils.log.log_reader")().read_log_chunks(row, try_number, {})
        return [entry.model_dump() for entry in entries]
    except Exception as error:  # noqa: BLE001  # handlers are plugins, and ask stores that raise what they like
        log.debug("the log of a try cannot be read: %s", type(error).__name__)
        return []


def xcoms(session: Any, **which: Any) -> list[Any]:
    """XComs in the database, with their values; `get_many` makes a query of its own session in 3.0, a statement since.

    Args:
        session: the session.
        **which: the arguments of `XComModel.get_many`.
    """
    result = _first("XComModel", "airflow.models.xcom").get_many(**which)
    rows = result.with_session(session) if hasattr(result, "with_session") else session.scalars(result)
    return list(rows)


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
