"""Where each task of a run stands, as KFP's API tells it; it gives no logs."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from couler_kfp.history.records import Task, calls_of
from couler_kfp.history.tasks import instances_of
from couler_plugins.documents.mappings import Mapped
from couler_plugins.hookspecs.running import StepPhase, StepStatus
from couler_plugins.net.redacting import redact

PHASES: dict[str, StepPhase] = {
    "computed": "succeeded",
    "loaded": "cached",
    "failed": "failed",
    "skipped": "skipped",
}
"""Where a task stands, by what became of it; others have not ended."""
MOST = 300  # characters of a message
log = logging.getLogger(__name__)


def steps_of(details: Iterable[Mapped], spec: Mapped | None) -> list[StepStatus]:
    """Return where the tasks of a run stand; none where what the API tells cannot be read.

    Args:
        details: what it tells of each: drivers, executors and groups among them.
        spec: the pipeline; None where that is not told.
    """
    try:
        tasks = msgspec.convert([_without_none(item) for item in details], list[Task], strict=False)
    except msgspec.ValidationError as error:
        log.info("the tasks of the run cannot be read: %s", error)
        return []
    running = {task.name or task.display_name for task in tasks if "RUNNING" in (task.state, task.status)}
    instances = instances_of(tasks, calls_of(spec))
    several = Counter(item.path for item in instances)
    seen: Counter[tuple[str, ...]] = Counter()
    steps = []
    for item in instances:
        node = "/".join(item.path)
        phase: StepPhase = "running" if item.path[-1] in running else "pending"
        message = item.tries[-1].message if item.fate == "failed" and item.tries else ""
        steps.append(
            StepStatus(
                step=f"{node}({seen[item.path]})" if several[item.path] > 1 else node,
                node=node,
                phase=PHASES.get(item.fate, phase),
                message=redact(" ".join(message.split()))[:MOST],
            )
        )
        seen[item.path] += 1
    return steps


def _without_none(value: Any) -> Any:
    """What the client has of an answer, without the fields that the answer did not have."""
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value
