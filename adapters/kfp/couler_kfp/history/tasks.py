"""Which tasks a run had, among all that a backend tells of: drivers, executors, iterations and groups are none.

Backends up to KFP 2.17 tell of the nodes of the Argo workflow that they made of a pipeline (`toModelTasks` in
`backend/src/apiserver/server/api_converter.go`; `argocompiler` names the nodes): a task `train` is `train-driver` and
`train`, and the latter holds an `executor`, which is skipped where the driver has found a result in the cache. Nodes
have names and times only; where the answer does not say whose an executor is, its times do. Other backends give each
task its parent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from couler_kfp.history.records import Call, Task
from couler_plugins.runs import Attempt, Fate
from couler_plugins.runs.usage import message_of

FATES: dict[str, Fate] = {
    "SUCCEEDED": "computed",
    "CACHED": "loaded",
    "FAILED": "failed",
    "SKIPPED": "skipped",
    "OMITTED": "skipped",
}
DRIVER = "-driver"
EXECUTOR = re.compile(r"executor(\((\d+)\))?")
GROUPS = re.compile(
    r"(root|iteration|iteration-item|(for-loop|condition|condition-branches|exit-handler)-\d+)(-driver)?"
)
"""What the compilers call what they put around tasks."""
GROUP_TYPES = ("ROOT", "DAG", "LOOP", "LOOP_ITERATION", "CONDITION", "CONDITION_BRANCH", "EXIT_HANDLER")
ITERATION = "LOOP_ITERATION"
EXECUTES = "EXECUTOR"
RAN = ("computed", "failed")
NEVER = 2000  # the first year of a time that was set
EXIT = re.compile(r"exit(?:ed with)?(?: an?)?(?: non-?zero)? (?:code|status)(?: of)?:? (\d{1,3})\b")
"""What a message says of the container, in the words of Argo or of Vertex."""
OUT_OF_MEMORY = "OOMKilled"
CODES = {
    1: "CANCELLED",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    10: "ABORTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
}
"""Words of google.rpc.Code, of failures that a backend may have; they say too little to be a reason."""
CLOSE = 1.0  # seconds within which two times are one: backends keep whole seconds


class Instance(NamedTuple):
    """A task as it ran: once, or for one item of a loop.

    Attributes:
        path: the names of the dags around it, where they are known, and its own.
        fate: what became of it.
        seconds: how long it took; None where that is not known.
        attempts: how often it was tried.
        ended: when it ended, in seconds since 1970; infinity for not yet.
        tries: what is told of these attempts, the first one first.
    """

    path: tuple[str, ...]
    fate: Fate
    seconds: float | None
    attempts: int
    ended: float
    tries: tuple[Attempt, ...] = ()


def instances_of(tasks: Sequence[Task], calls: Sequence[Call]) -> list[Instance]:
    """The tasks among what a backend tells of.

    Args:
        tasks: all that it tells of.
        calls: the pipeline's tasks; none where nobody knows.
    """
    if any(task.parent_task_id for task in tasks):
        return list(_in_tree(tasks))
    return list(_Nodes(tasks, calls).instances())


def _in_tree(tasks: Sequence[Task]) -> Iterator[Instance]:
    """Tasks of a backend that says what each is in."""
    by_id = {task.task_id: task for task in tasks}
    holders = {task.parent_task_id for task in tasks}
    for task in tasks:
        if task.task_id in holders or task.type in GROUP_TYPES or task.type.endswith("DRIVER"):
            continue
        path = [_name(task)]
        around, seen = by_id.get(task.parent_task_id), {task.task_id}
        while around is not None and around.task_id not in seen:
            seen.add(around.task_id)
            if around.parent_task_id and around.type != ITERATION:
                path.append(_name(around))
            around = by_id.get(around.parent_task_id)
        fate = FATES.get(_state(task), "pending")
        pods = [pod.name for pod in task.pods or () if pod.type == EXECUTES]
        tries = (_tried(task, pods[-1] if pods else task.pod_name),) if fate in RAN else ()
        yield Instance(tuple(reversed(path)), fate, _took(task) if fate == "computed" else None, 1, _end(task), tries)


class _Nodes:
    """The nodes of the Argo workflow that a pipeline was compiled to."""

    def __init__(self, tasks: Sequence[Task], calls: Sequence[Call]) -> None:
        names = {_name(task) for task in tasks}
        existing = {call.name for call in calls if not call.dag}
        self._tasks = [task for task in tasks if (_name(task) in existing if calls else _is_task(_name(task), names))]
        self._executors = [task for task in tasks if EXECUTOR.fullmatch(_name(task))]
        self._by_id = {_key(name): task for task in tasks for name in (task.task_id, task.pod_name) if name}

    def instances(self) -> Iterator[Instance]:
        for task in self._tasks:
            own = self._linked(task)
            cached = self._is_cached(task, own)
            fate: Fate = "loaded" if cached else FATES.get(_state(task), "pending")
            executors = self._within(task) if own is None else own
            tried = sorted((item for item in executors if _attempt(item)), key=lambda item: _attempt(item) or 0)
            seconds = _took(task) if fate == "computed" else None
            if tried and fate == "computed":  # the last one alone: a task is as long as all of its attempts
                seconds = _took(tried[-1])
            tries: tuple[Attempt, ...] = ()
            if fate in RAN:  # one that is not repeated is one executor; where nobody knows which, the pod is not known
                pods = tried or (executors if len(executors) == 1 else ())
                tries = tuple(_tried(item, item.pod_name, task if item is pods[-1] else None) for item in pods)
                tries = tries or (_tried(task, ""),)
            yield Instance((_name(task),), fate, seconds, max(1, len(tried)), _end(task), tries)

    def _linked(self, task: Task) -> list[Task] | None:
        """The executors of a task, where ids say which; None where they do not."""
        children = self._children(task)
        executors = [child for child in children if EXECUTOR.fullmatch(_name(child))]
        if not executors:
            return None
        further = [inner for item in executors for inner in self._children(item) if _attempt(inner)]
        return [*executors, *further]

    def _children(self, task: Task) -> list[Task]:
        children = (self._by_id.get(_key(child.pod_name or child.task_id)) for child in task.child_tasks or ())
        return [child for child in children if child is not None]

    def _is_cached(self, task: Task, own: Sequence[Task] | None) -> bool:
        """Whether its executor was skipped, although it succeeded: the driver had found a result."""
        if FATES.get(_state(task)) != "computed":
            return False
        if own is not None:
            return all(FATES.get(_state(item)) == "skipped" for item in own)
        took, start = _took(task), _time(task.start_time)
        if took is None or start is None or took > CLOSE:
            return False
        skipped = (item for item in self._executors if FATES.get(_state(item)) == "skipped")
        return any(abs(at - start) <= CLOSE for item in skipped if (at := _time(item.start_time)) is not None)

    def _within(self, task: Task) -> list[Task]:
        """The attempts that ran while this task did, and no other task that is told of."""
        return [item for item in self._executors if [task] == [one for one in self._tasks if _covers(one, item)]]


def _is_task(name: str, names: set[str]) -> bool:
    """Whether a node is a task, where nobody knows the pipeline: it has a driver, and is no group of the compiler's."""
    return f"{name}{DRIVER}" in names and not GROUPS.fullmatch(name)


def _attempt(task: Task) -> int | None:
    """Which attempt an executor is, from 1 on; None for one that is not repeated, or stands for all attempts."""
    match = EXECUTOR.fullmatch(_name(task))
    return int(match[2]) + 1 if match and match[2] else None


def _covers(task: Task, other: Task) -> bool:
    times = [_time(item) for item in (task.start_time, other.start_time, other.end_time, task.end_time)]
    times_seen = [time for time in times if time is not None]
    return len(times_seen) == len(times) and times_seen == sorted(times_seen)


def _tried(task: Task, pod: str, around: Task | None = None) -> Attempt:
    """An attempt, which one that stands for it may say more of: of a node, its task; of the only one, all of them."""
    end = _end(task)
    succeeded = {"computed": True, "failed": False}.get(FATES.get(_state(task), ""))
    message = "" if succeeded is not False else _error(task) or (_error(around) if around is not None else "")
    exited = EXIT.search(message)
    return Attempt(
        start=_time(task.start_time),
        end=None if end == float("inf") else end,
        succeeded=succeeded,
        exit_code=int(exited[1]) if exited else None,
        reason=OUT_OF_MEMORY if OUT_OF_MEMORY in message else "",
        message=message,
        pod=pod,
    )


def _error(task: Task) -> str:
    """Why a task failed: its own error, else that of the last state that has one."""
    errors = [task.error, *(moment.error for moment in reversed(task.state_history or ()))]
    error = next((item for item in errors if item is not None and (item.message or item.code)), None)
    if error is None:
        return ""
    return message_of(f"{CODES.get(error.code, error.code)}: {error.message}" if error.code else error.message)


def _key(name: str) -> str:
    """What tells a node from others: backends give its pod's name with the template's in it, and children without."""
    number = name.rpartition("-")[2]
    return number if number.isdecimal() else name


def _name(task: Task) -> str:
    return task.name or task.display_name


def _state(task: Task) -> str:
    return (task.state or task.status or "").upper()


def _time(time: datetime | None) -> float | None:
    return None if time is None or time.year < NEVER else time.timestamp()


def _end(task: Task) -> float:
    ended = _time(task.end_time)
    return float("inf") if ended is None else ended


def _took(task: Task) -> float | None:
    started, ended = _time(task.start_time), _time(task.end_time)
    return None if started is None or ended is None or ended < started else ended - started
