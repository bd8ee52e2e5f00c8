"""A workflow from its entry down as the tasks of one pipeline: Tekton's pipelines in pipelines hand out no results.

What means the same in both: a task starts where those before it succeeded, or were skipped for their own `when`; what
was skipped for another reason keeps all behind it from starting; once a task failed, no other starts.
Sources: `docs/pipelines.md` (also "Using aggregate execution status of all tasks"),
`pkg/reconciler/pipelinerun/resources/pipelinerunresolution.go` (`skip…`).

What runs, as a task of Tekton: steps, sidecars, parameters, and results that are taken from files.

Sources: `docs/tasks.md`, `docs/pod-templates.md`; init containers become steps before the others, since steps of a task
run one after another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from couler_plugins.engine_kit.legalize.conditions import Membership, is_outcome, memberships
from couler_plugins.engine_kit.legalize.passes import as_label
from couler_plugins.engine_kit.legalize.rules import constant_items, usual
from couler_plugins.engine_kit.legalize.shell import printed_output
from couler_plugins.engine_kit.legalize.tables import waits
from couler_plugins.ir import (
    Argument,
    Graph,
    GraphView,
    Literal,
    Operation,
    Output,
    Reference,
    Step,
    Template,
    Value,
    Workflow,
    callables,
    fresh_name,
    references,
    replace,
)
from couler_tekton.generating.calls import FAILURES, decides_by_item
from couler_tekton.generating.legality import refuse
from couler_tekton.generating.store import File, files_of, key_of, place_of
from couler_tekton.generating.values import Scope, filled

STATUS = Reference(to="run", name="tasks.status")
WELL = ("Succeeded", "Completed")
"""Of a run that succeeded: of all tasks, or of those that were not skipped."""
FAILED = frozenset({"failed", "errored"})
MAX_NAME = 50
MAX_TASKS = 2000


@dataclass
class Task:
    """A task of the pipeline that is to be.

    Attributes:
        name: its name.
        step: the call that it is made from.
        operation: what it runs.
        arguments: what it is given, by name; items are still references.
        after: the tasks that it waits for.
        conditions: what has to hold.
        may_miss: whether something before it may keep it from running, although nothing failed.
        is_printed: whether somebody reads what it prints.
        files: what it takes from the store, and gives to it.
    """

    name: str
    step: Step
    operation: Operation
    arguments: dict[str, Value]
    after: list[str]
    conditions: tuple[Membership, ...] = ()
    may_miss: bool = False
    is_printed: bool = False
    files: tuple[File, ...] = ()

    @property
    def read(self) -> set[str]:
        """The tasks whose results it reads."""
        values = (*self.arguments.values(), *(item.value for item in self.conditions))
        return {item.step for item in references(values) if item.step}

    @property
    def asks_status(self) -> bool:
        """Whether it asks how the run went."""
        return any(item.value == STATUS for item in self.conditions)


class Called(NamedTuple):
    """What became of a call: its task, or else the outputs of its graph, and the tasks that nothing in it waits for."""

    step: Step
    output: Mapping[str, Value] | Task
    last: list[Task]


class Around(NamedTuple):
    """What a call finds around it: its task's prefix (None for the entry), values, tasks before it, and conditions."""

    prefix: str | None
    scope: Scope
    after: list[Task]
    conditions: tuple[Membership, ...]


def _check_wait(step: Step, upstream: Called, outcomes: frozenset[str], *, is_read: bool) -> None:
    """Raise `Unsupported` where a step starts where its task would not, or the other way round."""
    tolerated, name = frozenset(upstream.step.tolerates), upstream.step.name
    skips = any(task.conditions for task in upstream.last)
    misses = any(task.may_miss for task in upstream.last)
    is_graph = not isinstance(upstream.output, Task)
    for breaks, reason, hint in (
        ("succeeded" not in outcomes or (outcomes & FAILED) - tolerated, f"starts after a failure of {name!r}", ""),
        (tolerated and not outcomes & FAILED, f"does not start where {name!r} failed, which may", ""),
        (
            skips and "skipped" not in outcomes and not is_read,
            f"needs that {name!r} succeeded, which may be skipped",
            "pass a result of it, or let it start all the same",
        ),
        (skips and "skipped" in outcomes and is_read, f"reads from {name!r}, which may be skipped", ""),
        (misses and (is_graph or "omitted" in outcomes), f"may start after {name!r} was skipped", ""),
    ):
        if breaks:
            raise refuse("Step.needs", step.name, reason, hint)


class Tasks:
    """The tasks of a workflow.

    Args:
        workflow: its parameters are passed to all that read them, and it breaks no rule of Tekton's table.

    Attributes:
        by_label: the tasks so far by name, each behind those that it waits for.
    """

    def __init__(self, workflow: Workflow) -> None:
        self.by_label: dict[str, Task] = {}
        self._by_name = callables(workflow)

    def add(self, step: Step) -> Mapping[str, Value]:
        """Add the tasks of a call that waits for nothing; return the output parameters of the graph that it calls.

        Raises:
            Unsupported: there is something in it that no pipeline of tasks does.
        """
        called = self._call(step, Around(None, Scope({}, _no_output), [], ()))
        return {} if isinstance(called.output, Task) else called.output

    def _call(self, step: Step, around: Around, suffix: str = "") -> Called:
        callee = self._by_name[getattr(step.call, "name", "")]
        items = constant_items(step.loop)
        if items is not None and (isinstance(callee, Graph) or decides_by_item(step)):
            return self._unrolled(step, items, around)
        passed = {_key(item): filled(item.value, around.scope, step.name) for item in step.arguments}
        alone = Scope({}, _no_output)
        arguments = {
            port.name: passed[port.name] if port.name in passed else filled(usual(port), alone, callee.name)
            for port in callee.inputs
            if port.kind == "parameter"
        }
        artifacts = {key: value for key, value in passed.items() if key not in arguments and ":" in key}
        for key, value in artifacts.items():
            if not isinstance(value, Template):
                raise refuse("Step.arguments", step.name, f"takes the {key.replace(':', ' ')} from something else")
        name = f"{around.prefix or ''}{step.name or 'exit'}{suffix}"
        conditions = (*around.conditions, *_conditions(step, around.scope))
        if isinstance(callee, Graph):
            prefix = "" if around.prefix is None else f"{name}-"
            scope = Scope({**arguments, **artifacts}, _no_output)
            return self._graph(step, callee, Around(prefix, scope, around.after, conditions))
        if len(self.by_label) >= MAX_TASKS:
            raise refuse("Workflow.graphs", step.name, f"is one of more than {MAX_TASKS} tasks", "convert its parts")
        label = fresh_name(as_label(name, MAX_NAME) or "task", self.by_label)
        task = Task(label, step, callee, arguments, [item.name for item in around.after], conditions)
        task.files = tuple(files_of(callee, artifacts, label, is_looped=step.loop is not None))
        before = [*around.after, *(self.by_label[name] for name in task.read)]
        task.may_miss = any(item.may_miss for item in before) or any(
            self.by_label[name].conditions for name in task.read
        )
        self.by_label[label] = task
        return Called(step, task, [task])

    def _unrolled(self, step: Step, items: list[Any], around: Around) -> Called:
        """Add the tasks of a call once for each item that it loops over, and for which its condition may hold."""
        single, last = replace(step, loop=None), list[Task]()
        for number, item in enumerate(items):
            scope = around.scope._replace(items=(item,))
            if not _never_holds(step, scope):
                last += self._call(single, around._replace(scope=scope), f"-{number}").last
        return Called(step, {}, last or around.after)

    def _graph(self, step: Step, graph: Graph, around: Around) -> Called:
        called: dict[str, Called] = {}
        scope = around.scope._replace(output=partial(_output, called))
        steps, accepted = {inner.name: inner for inner in graph.steps}, waits(graph)
        for name in GraphView(graph).order():
            inner = steps[name]
            read = {item.step for item in references((inner.arguments, inner.condition)) if item.step}
            for other, outcomes in accepted[name].items():
                _check_wait(inner, called[other], outcomes, is_read=other in read)
            after = [task for other in accepted[name] for task in called[other].last]
            called[name] = self._call(inner, around._replace(scope=scope, after=after or around.after))
        waited_for = {name for before in accepted.values() for name in before}
        last = [task for name, item in called.items() if name not in waited_for for task in item.last]
        outputs = {_key(item): filled(item.value, scope, graph.name) for item in graph.outputs}
        return Called(step, outputs, last or around.after)


def _never_holds(step: Step, scope: Scope) -> bool:
    """Return whether a condition is known beforehand to be false."""
    tests = ((item, filled(item.value, scope, step.name)) for item in memberships(step.condition) or ())
    return any(isinstance(value, Literal) and (value.value in item.among) is item.negated for item, value in tests)


def _conditions(step: Step, scope: Scope) -> Iterator[Membership]:
    """Yield what has to hold of a step, without what holds in any case."""
    for item in memberships(step.condition) or ():
        if is_outcome(item.value):
            yield Membership(STATUS, WELL, negated=item.negated is not (set(item.among) == FAILURES))
            continue
        value = filled(item.value, scope, step.name)
        if isinstance(value, Reference):
            yield item._replace(value=value)
        elif not isinstance(value, Literal):
            raise refuse("Step.condition", step.name, "compares a text that is put together")
        elif (value.value in item.among) is item.negated:
            raise refuse("Step.condition", step.name, "has a condition that never holds", "leave the step out")


def _output(called: Mapping[str, Called], reference: Reference) -> Value:
    """Return what an output of a step stands for."""
    if reference.step not in called:
        return _no_output(reference)
    source = called[reference.step].output
    if not isinstance(source, Task):
        return source[_key(reference)]
    if reference.kind == "artifact":
        if source.step.loop is not None:
            raise refuse("Step.loop", source.step.name, "loops, and the artifacts of all its runs are read together")
        return place_of(source.name, reference.name, is_looped=False)
    source.is_printed = source.is_printed or reference.kind == "result"
    name = printed_output(source.operation) if reference.kind == "result" else reference.name
    return Reference(to="output", kind="parameter", step=source.name, name=name)


def _key(item: Argument | Output | Reference) -> str:
    return key_of(item.name) if item.kind == "artifact" else item.name


def _no_output(reference: Reference) -> Value:
    raise refuse("Step.arguments", reference.step or reference.name, "is read where it is not known")
