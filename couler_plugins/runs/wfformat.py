"""Runs from WfFormat, the JSON of WfCommons in which traces of workflows are published.

Read are the versions 1.4 to 1.6 (https://github.com/wfcommons/WfFormat). From 1.5 on a task's graph stands under
`specification` and what it took under `execution`; in 1.4 both are in one list. Other fields are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from couler_plugins.errors import InvalidInput
from couler_plugins.runs.order import CycleError, topological_order
from couler_plugins.runs.run import Run, StepRun, hash_of, key_of, type_of
from couler_plugins.runs.usage import Attempt, ContainerUse, time_of

# The fields of WfFormat 1.4 to 1.6 that are read; a trace may leave out most of them, and others are ignored.


class Command(msgspec.Struct, rename="camel"):
    program: str | None = None
    arguments: list[Any] = []


class File(msgspec.Struct, rename="camel"):
    id: str = ""
    name: str = ""
    link: str = ""
    size_in_bytes: int | float | None = None


class Took(msgspec.Struct, rename="camel"):
    """What a task took."""

    id: str = ""
    name: str = ""
    runtime_in_seconds: int | float | None = None
    memory_in_bytes: int | float | None = None
    command: Command | None = None
    executed_at: Any = None
    average: Any = msgspec.field(name="avgCPU", default=None)
    core_count: Any = None
    read_bytes: Any = None
    written_bytes: Any = None


class Task(Took, rename="camel"):
    """A task in the graph, and in 1.4 what it took as well."""

    parents: list[str] = []
    children: list[str] = []
    input_files: list[str] = []
    output_files: list[str] | None = None
    files: list[File] | None = None


class Specification(msgspec.Struct, rename="camel"):
    tasks: list[Task]
    files: list[File] = []


class Execution(msgspec.Struct, rename="camel"):
    tasks: list[Took] = []
    makespan_in_seconds: int | float | None = None
    executed_at: str | None = None


class Workflow(msgspec.Struct, rename="camel"):
    specification: Specification | None = None
    execution: Execution | None = None
    tasks: list[Task] | None = None
    makespan_in_seconds: int | float | None = None
    executed_at: str | None = None


class Trace(msgspec.Struct, rename="camel"):
    workflow: Workflow
    name: str = ""
    schema_version: Any = None


INSTANCE = re.compile(r"(?:-[0-9]{8}T[0-9]{6}Z?)?(?:-[0-9]+)?$")
DATES = ("%Y%m%dT%H%M%S%z", "%y-%m-%dT%H:%M:%S%z")
LIMIT = 1e15
"""The largest figure that is believed: a petabyte, thirty million years."""
FIGURE = f"leave out what is not known; a figure is a number from 0 to {LIMIT:g}"
OLD = ("1.0", "1.1", "1.2", "1.3")
HINT = "a WfFormat trace has `workflow.specification.tasks` and `workflow.execution.tasks`, as WfCommons writes them"


def read_wfformat(content: bytes, file: str) -> Run:
    """The run that a trace tells of.

    Args:
        content: the JSON text.
        file: its name, for errors; the family's name where the trace has none.

    Raises:
        InvalidInput: it is no JSON, no WfFormat, or contradicts itself.
    """
    try:
        trace = msgspec.json.decode(content, type=Trace)
    except msgspec.ValidationError as error:
        raise _invalid(error, file) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = "the file may be truncated: compare its size with the original's"
        raise InvalidInput(f"this is no whole JSON document: {error}", file=file, hint=hint) from error
    return _Reader(trace, file).run()


def run_of_wfformat(data: Any, file: str) -> Run | None:
    """The run that a decoded JSON document tells of; None where it does not look like WfFormat.

    Raises:
        InvalidInput: it is WfFormat and contradicts itself.
    """
    workflow = data.get("workflow") if isinstance(data, Mapping) else None
    if not isinstance(workflow, Mapping) or not workflow.keys() & {"specification", "tasks", "jobs"}:
        return None
    try:
        trace = msgspec.convert(data, Trace)
    except msgspec.ValidationError as error:
        raise _invalid(error, file) from error
    return _Reader(trace, file).run()


def _invalid(error: msgspec.ValidationError, file: str) -> InvalidInput:
    hint = FIGURE if "`int | float | null`" in str(error) else HINT
    return InvalidInput(f"this is no WfFormat trace: {error}", file=file, hint=hint)


class _Reader:
    """One trace on its way to a run."""

    def __init__(self, trace: Trace, file: str) -> None:
        workflow = trace.workflow
        specification = workflow.specification
        execution = workflow.execution or Execution()
        self.file = file
        self.name = trace.name
        self.tasks = specification.tasks if specification else workflow.tasks or []
        self.started = execution.executed_at or workflow.executed_at
        makespan = execution.makespan_in_seconds or workflow.makespan_in_seconds
        self.makespan = self._figure(makespan, trace.name, "makespanInSeconds")
        self._check(trace.name)
        if trace.schema_version in OLD:
            hint = "wfcommons-migrate-instance.py, which comes with WfFormat, makes a later one of it"
            raise self.error(f"this is WfFormat {trace.schema_version}, in which figures have other names", hint)
        if not self.tasks:
            raise self.error("the trace has no tasks", HINT)
        self.sizes = self._sizes(specification.files if specification else ())
        self.took: dict[str, Took] = {}
        for took in execution.tasks:
            name = took.id or took.name
            if name in self.took:
                raise self.error(f"{name!r} was executed twice", "give each task one entry, the last attempt's", name)
            self.took[name] = took

    def run(self) -> Run:
        """The run, its steps in the order of the file as far as that is topological."""
        numbers = self._numbers()
        parents = self._parents(numbers)
        try:
            order = topological_order(parents)
        except CycleError as error:
            name = self.tasks[error.member].id or self.tasks[error.member].name
            hint = "a task cannot wait for itself; look at `parents` and `children`"
            raise self.error(f"{name!r} is its own ancestor", hint, step=name) from error
        place = {number: at for at, number in enumerate(order)}
        steps: list[StepRun] = []
        for number in order:
            above = tuple(sorted(place[parent] for parent in parents[number]))
            steps.append(self._step(self.tasks[number], above, steps))
        family = INSTANCE.sub("", self.name) or self.file.rsplit("/", 1)[-1].removesuffix(".json")
        return Run(family=family, steps=tuple(steps), at=self._ended())

    def _step(self, task: Task, parents: tuple[int, ...], before: Sequence[StepRun]) -> StepRun:
        took = self.took.get(task.id or task.name, task)
        command = took.command or Command()
        name = task.id or task.name
        self._check(name)
        self._check(task.name)
        inputs = sorted(task.input_files) or sorted(item.name for item in task.files or () if item.link == "input")
        spec = hash_of([name, command.program, [str(argument) for argument in command.arguments], inputs])
        figure = self._figure(took.memory_in_bytes, name, "memoryInBytes")
        memory = None if figure is None else int(figure)
        seconds = self._figure(took.runtime_in_seconds, name, "runtimeInSeconds")
        return StepRun(
            step=name,
            type=type_of(task.name or name, command.program),
            spec=spec,
            key=key_of(spec, [before[parent].key for parent in parents]),
            parents=parents,
            seconds=seconds,
            bytes=self._bytes(task, name),
            memory=memory,
            tries=() if took is task and seconds is None and memory is None else (_attempt(took, seconds, memory),),
        )

    def _bytes(self, task: Task, name: str) -> int | None:
        """The sum over the output files; None where one of them, or all, are unknown."""
        if task.output_files is not None:
            sizes = [self.sizes.get(output) for output in dict.fromkeys(task.output_files)]
        elif task.files is not None:
            sizes = [self._figure(f.size_in_bytes, name, "sizeInBytes") for f in task.files if f.link == "output"]
        else:
            return None
        numbers = [size for size in sizes if size is not None]
        return int(sum(numbers)) if len(numbers) == len(sizes) else None

    def _sizes(self, files: Iterable[File]) -> dict[str, float]:
        figures = ((item.id, self._figure(item.size_in_bytes, item.id, "sizeInBytes")) for item in files)
        return {name: size for name, size in figures if size is not None}

    def _check(self, text: str) -> None:
        """Refuses names that no terminal and no file can show."""
        if not text.isprintable():
            raise self.error(f"the name {text!a:.60} cannot be shown", "names are text of one line")

    def _figure(self, value: float | None, name: str, field: str) -> float | None:
        if value is not None and not 0 <= value <= LIMIT:
            raise self.error(f"{field} of {name!r} is {value}", FIGURE, step=name)
        return value

    def _numbers(self) -> dict[str, int]:
        """Where each task is in the list, by its id, and by its name where only that is given."""
        numbers: dict[str, int] = {}
        for number, task in enumerate(self.tasks):
            name = task.id or task.name
            if not name:
                raise self.error(f"task {number} has neither an id nor a name", HINT)
            if name in numbers:
                raise self.error(f"two tasks have the id {name!r}", "give each task its own id", step=name)
            numbers[name] = number
        for name in self.took:
            if name not in numbers:
                hint = "specification and execution are of different runs, or one of them is incomplete"
                raise self.error(f"{name!r} was executed and is not in the specification", hint, step=name)
        for number, task in enumerate(self.tasks):  # some traces of 1.4 name parents that way
            numbers.setdefault(task.name, number)
        return numbers

    def _parents(self, numbers: Mapping[str, int]) -> list[set[int]]:
        parents: list[set[int]] = [set() for _ in self.tasks]
        for number, task in enumerate(self.tasks):
            for what, names in (("parent", task.parents), ("child", task.children)):
                for name in names:
                    other = numbers.get(name)
                    if other is None:
                        hint = "each parent and child has to be a task of the trace"
                        message = f"{name!r}, a {what} of {task.id or task.name!r}, is not in the trace"
                        raise self.error(message, hint, step=task.id or task.name)
                    upper, lower = (other, number) if what == "parent" else (number, other)
                    parents[lower].add(upper)
        return parents

    def _ended(self) -> float:
        """When the run ended, in seconds since 1970; 0 where that is not known."""
        started = _time(self.started)
        return 0.0 if started is None else started + (self.makespan or 0)

    def error(self, message: str, hint: str, step: str | None = None) -> InvalidInput:
        return InvalidInput(message, file=self.file, step=step, hint=hint)


def _attempt(took: Took, seconds: float | None, memory: int | None) -> Attempt:
    """What is known of the only attempt that a trace tells of; on how many cores it ran is what it asked for."""
    start, average = _time(took.executed_at), _amount(took.average)
    cpu = None if average is None else average / 100
    read, written = _amount(took.read_bytes), _amount(took.written_bytes)
    return Attempt(
        start=start,
        end=None if start is None or seconds is None else start + seconds,
        succeeded=True,
        input_bytes=None if read is None else int(read),
        output_bytes=None if written is None else int(written),
        containers=(ContainerUse(container="main", cpu_request=_amount(took.core_count), memory=memory, cpu=cpu),),
    )


def _amount(value: Any) -> float | None:
    """A figure that few traces have; None where it is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and 0 <= value <= LIMIT else None


def _time(text: Any) -> float | None:
    """Seconds since 1970, of a date in one of the forms that traces have."""
    for form in DATES:
        try:
            return datetime.strptime(str(text), form).timestamp()
        except ValueError:
            continue
    return time_of(text)
