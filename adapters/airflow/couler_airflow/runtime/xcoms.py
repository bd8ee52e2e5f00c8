"""XComs that a task pushes while it computes: noted, so that a hit can push them again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

OF_PODS = ("pod_name", "pod_namespace")


@contextlib.contextmanager
def noted(ti: Any) -> Iterator[dict[str, Any]]:
    """Notes what is pushed by a task instance in the block, by key; each push goes on as it would have."""
    pushed: dict[str, Any] = {}
    push, push_async = ti.xcom_push, getattr(ti, "axcom_push", None)

    def note(key: str, value: Any) -> None:
        push(key, value)
        pushed[key] = value

    async def note_async(key: str, value: Any) -> None:
        await push_async(key, value)  # type: ignore[misc]  # only put in place where there is one
        pushed[key] = value

    ours = {"xcom_push": note} | ({"axcom_push": note_async} if push_async is not None else {})
    for name, replacement in ours.items():
        object.__setattr__(ti, name, replacement)  # a task instance is a model that refuses new fields
    try:
        yield pushed
    finally:
        for name in ours:
            vars(ti).pop(name, None)


def pushed_before(ti: Any) -> dict[str, Any]:
    """Return what the task of a pod has pushed before it was deferred: the name of its pod, and where that is."""
    rows = {name: ti.xcom_pull(task_ids=[ti.task_id], key=name, map_indexes=[ti.map_index]) for name in OF_PODS}
    return {name: values[-1] for name, values in rows.items() if values and values[-1] is not None}


def has_own_backend() -> bool:
    """Return whether XComs are kept by another class than Airflow's own."""
    from airflow.sdk.bases.xcom import BaseXCom
    from airflow.sdk.execution_time.xcom import XCom

    return XCom is not BaseXCom
