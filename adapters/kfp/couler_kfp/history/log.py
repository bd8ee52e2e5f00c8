"""The history of a run by `kfp.local`, from what it has logged.

It logs a line when a task begins and one when it ends, with the time of day; what tasks print is indented, and passes
for none of these (`kfp/local/logging_utils.py`, `task_dispatcher.py`).
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from couler_kfp.history.records import RUN, SCHEMA, Details, Document, Run, Task, calls_of, name_of

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
LINE = re.compile(
    r"(\d\d):(\d\d):(\d\d)\.(\d+) - [A-Z]+ - (?:Executing task '(.+)'|Task '(.+)' finished with status (\w+))"
)
STATES = {"SUCCESS": "SUCCEEDED", "FAILURE": "FAILED", "SKIPPED": "SKIPPED"}
DAY = timedelta(days=1)


def history_of(log: str, spec: Mapping[str, Any], ended: datetime, *, well: bool) -> Mapping[str, Any]:
    """A document of history of one run.

    Args:
        log: what was logged.
        spec: the pipeline.
        ended: when the run ended, which no log tells the day of; with its time zone.
        well: whether it succeeded.
    """
    run = Run(
        run_id=RUN,
        state="SUCCEEDED" if well else "FAILED",
        finished_at=ended,
        run_details=Details(task_details=tuple(_tasks(log, ended, well=well))),
        pipeline=name_of(spec),
        calls=tuple(replace(call, cached=False) for call in calls_of(spec)),  # nothing is looked up here
    )
    document: Mapping[str, Any] = msgspec.to_builtins(Document(schema=SCHEMA, runs=(run,)))
    return document


def _tasks(log: str, ended: datetime, *, well: bool) -> Iterator[Task]:
    """The tasks as they ended; the last one logged ended with the run.

    Of iterations at the same time nobody knows which has ended: the first to begin counts as the first to end, so that
    what they take together is right.
    """
    events = [event for line in log.splitlines() if (event := LINE.match(COLOURS.sub("", line)))]
    times = [_time_of_day(event) for event in events]
    begun: dict[str, deque[datetime]] = defaultdict(deque)
    for event, time in zip(events, times, strict=True):
        at = ended - (times[-1] - time) % DAY
        if event[5]:
            begun[event[5]].append(at)
        else:
            state, started = STATES.get(event[7]), begun[event[6]]
            start = started.popleft() if started else None
            yield Task(name=event[6], parent_task_id=RUN, state=state, start_time=start, end_time=at)
    if well:  # those beside each other lose lines: of a run that has succeeded, none was left under way
        return
    for name, started in begun.items():
        for at in started:
            yield Task(name=name, parent_task_id=RUN, state="FAILED", start_time=at)


def _time_of_day(event: re.Match[str]) -> timedelta:
    hours, minutes, seconds = (int(event[number]) for number in (1, 2, 3))
    return timedelta(hours=hours, minutes=minutes, seconds=float(f"{seconds}.{event[4]}"))
