"""Airflow's history made by hand, in the shape that its API gives it."""

from __future__ import annotations

import json
from typing import Any

from couler_airflow.history.records import SCHEMA

__all__ = ["document", "instance", "text"]


def instance(task: str, *, run: str = "r1", minutes: float = 1.0, **fields: Any) -> dict[str, Any]:
    """A task instance as `/taskInstances` of Airflow 3.3 answers it, with what is not read left in."""
    start = fields.pop("start", "2026-01-01T00:00:00Z")
    end = fields.pop("end", f"2026-01-01T00:{int(minutes):02}:00Z")
    return {
        "id": "019a",
        "dag_id": "train",
        "dag_run_id": run,
        "task_id": task,
        "map_index": -1,
        "logical_date": None,
        "run_after": "2026-01-01T00:00:00Z",
        "start_date": start,
        "end_date": end,
        "duration": minutes * 60,
        "state": "success",
        "try_number": 1,
        "max_tries": 0,
        "operator": "_PythonDecoratedOperator",
        "rendered_fields": {"op_args": [1]},
        "executor_config": "{}",
        **fields,
    }


def document(*instances: dict[str, Any], edges: dict[str, list[str]] | None = None, **more: Any) -> dict[str, Any]:
    """A document of history of the DAG `train`."""
    tasks = [
        {"dag_id": "train", "task_id": name, "downstream_task_ids": next_} for name, next_ in (edges or {}).items()
    ]
    return {"schema": SCHEMA, "task_instances": list(instances), "tasks": tasks, **more}


def text(data: Any) -> bytes:
    return json.dumps(data).encode()
