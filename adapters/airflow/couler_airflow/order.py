"""Which tasks come after which: what a text pulls of a task behind its own is of an earlier run, or not there."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Mapping
from functools import cached_property
from typing import Any


class Order:
    """The order of the tasks of one DAG, looked at when somebody asks.

    Args:
        tasks: the tasks by their ids.
    """

    def __init__(self, tasks: Mapping[str, Any]) -> None:
        self._tasks = tasks

    def is_behind(self, name: str, start: str) -> bool:
        """Whether a task comes after another, directly or not; also whether it is that task itself."""
        places = self._places
        last = places[name]
        if last < places[start]:
            return False
        waiting, seen = [start], {start}
        while waiting:
            current = waiting.pop()
            if current == name:
                return True
            after = self._tasks[current].downstream_task_ids - seen
            # What comes later in the order than the task that is looked for cannot lead to it.
            near = [item for item in after if places[item] <= last]
            seen.update(near)
            waiting += near
        return False

    @cached_property
    def _places(self) -> Mapping[str, int]:
        """Every task's place in one order in which they could run; tasks in a cycle come last."""
        remaining = {name: len(task.upstream_task_ids) for name, task in self._tasks.items()}
        ready = [name for name, number in remaining.items() if not number]
        for name in ready:
            for after in self._tasks[name].downstream_task_ids:
                remaining[after] -= 1
                if not remaining[after]:
                    ready.append(after)
        return dict.fromkeys(self._tasks, len(self._tasks)) | {name: place for place, name in enumerate(ready)}


@dataclasses.dataclass(frozen=True, slots=True)
class Others:
    """The tasks whose results a task may find: all but itself and what comes after it."""

    tasks: Container[str]
    order: Order
    task_id: str

    def __contains__(self, name: object) -> bool:
        """Whether a text of the task that pulls from this one refers to it."""
        return isinstance(name, str) and name in self.tasks and not self.order.is_behind(name, self.task_id)
