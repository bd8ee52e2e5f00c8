"""XComs that a task pushes while it computes: noted, so that a hit can push them again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


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


def has_own_backend() -> bool:
    """Return whether XComs are kept by another class than Airflow's own."""
    from airflow.sdk.bases.xcom import BaseXCom
    from airflow.sdk.execution_time.xcom import XCom

    return XCom is not BaseXCom
