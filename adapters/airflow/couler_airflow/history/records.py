"""What a document of Airflow's history holds, under the names that its API has for them, and what is believed of it.

An answer of `/api/v2/dags/ID/dagRuns/RUN/taskInstances` is such a document by itself: what the other endpoints tell is
missing then.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from couler_plugins.runs.history_format import HistoryFormat

SCHEMA = "couler.airflow-runs/v1"
HINT = "take it from `couler history`, or from Airflow's API: /api/v2/dags/ID/dagRuns/RUN/taskInstances"
TOLD = HistoryFormat("airflow", "Airflow", SCHEMA, HINT)

Time = Annotated[datetime, msgspec.Meta(tz=True)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]
Number = Annotated[int, msgspec.Meta(ge=-1, le=10**9)]
LONGEST = 1e12
Seconds = Annotated[float, msgspec.Meta(ge=-LONGEST, le=LONGEST)]
"""Airflow writes times below 0 where clocks disagree, or where it ends what it has never started."""


class DagRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A run of a DAG."""

    dag_id: Name
    dag_run_id: Name
    state: str | None = None
    end_date: Time | None = None


class Placed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is said of one task instance."""

    dag_id: Name
    dag_run_id: Name
    task_id: Name
    map_index: Number = -1

    @property
    def place(self) -> tuple[str, str, str, int]:
        """What tells the task instance from all others, its tries left out."""
        return (self.dag_id, self.dag_run_id, self.task_id, self.map_index)

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of that, for what else is said of the task instance."""
        return dict(zip(Placed.__struct_fields__, self.place, strict=True))


class Instance(Placed, frozen=True, kw_only=True, omit_defaults=True):
    """A task instance as its last try left it, or one of its earlier tries.

    Attributes:
        state_reason: what a retry policy said of its failure (in the API from 3.4 on).
        reason: the class of the exception that ended it, or the signal that its worker died of; from its log.
        message: what Airflow says of that.
    """

    state: str | None = None
    try_number: Number = 0
    start_date: Time | None = None
    end_date: Time | None = None
    duration: Seconds | None = None
    operator: str | None = None
    hostname: str | None = None
    state_reason: str | None = None
    reason: str = ""
    message: str = ""


class Cached(Placed, frozen=True, kw_only=True, omit_defaults=True):
    """What our cache said of a task instance (the XCom `couler_cache`).

    Attributes:
        hit: whether its result was loaded; None where the cache was not asked, as the task is not cached in this run.
        key: its key.
        saved_seconds: how long computing a result took that was loaded.
    """

    hit: bool | None = False
    key: str = ""
    saved_seconds: Seconds | None = None


class Pod(Placed, frozen=True, kw_only=True, omit_defaults=True):
    """The pod that the last try of a task instance has started (the XComs `pod_name` and `pod_namespace`)."""

    name: str = ""
    namespace: str = ""


class Task(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A task, when it runs, and what comes right after it, in the newest version of its DAG."""

    dag_id: Name
    task_id: Name
    downstream_task_ids: tuple[str, ...] | None = ()
    trigger_rule: str | None = None


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A document of history.

    Attributes:
        schema: which one it is; none in what Airflow's API answers.
        dag_runs: the runs.
        task_instances: their task instances.
        tries: earlier tries of these.
        cached: what our cache said of them.
        pods: the pods that they have started; None where nobody has asked for them.
        tasks: the tasks of their DAGs.
    """

    schema: str = ""
    dag_runs: tuple[DagRun, ...] = ()
    task_instances: tuple[Instance, ...] = ()
    tries: tuple[Instance, ...] = ()
    cached: tuple[Cached, ...] = ()
    pods: tuple[Pod, ...] | None = None
    tasks: tuple[Task, ...] = ()


def document_of(data: Any) -> Document | None:
    """The document that some data are; None where they are something else.

    Raises:
        InvalidInput: they claim to be one, and are not.
    """
    if not isinstance(data, Mapping):
        return None
    schema = data.get("schema")
    if schema is None and "task_instances" in data and "total_entries" in data:
        return TOLD.believed({"task_instances": data["task_instances"]}, Document)
    return TOLD.believed(data, Document) if TOLD.is_meant(schema) else None
