"""A workflow from its entry down as the tasks of one pipeline: Tekton's pipelines in pipelines hand out no results.

What means the same in both: a task starts where those before it succeeded, or were skipped for their own `when`; what
was skipped for another reason keeps all behind it from starting; once a task failed, no other starts.
Sources: `docs/pipelines.md`, `pkg/reconciler/pipelinerun/resources/pipelinerunresolution.go` (`skip…`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeGuard

from couler_plugins.engine_kit.legalize.conditions import Membership, memberships
from couler_plugins.engine_kit.legalize.outcomes import is_outcome
from couler_plugins.engine_kit.legalize.recursion import WAY_OUT, into_circle
from couler_plugins.ir import (
    Call,
    Graph,
    Literal,
    Operation,
    Reference,
    Step,
    Template,
    Value,
    Workflow,
    callables,
    fresh_name,
    references,
)
from couler_tekton.generating.bodies import printed_result
from couler_tekton.generating.order import check_graph, check_step, ordered
from couler_tekton.generating.outcomes import status_asked
from couler_tekton.generating.refusing import refuse
from couler_tekton.generating.task import Called, Task
from couler_tekton.generating.values import Scope, filled

__all__ = ["Tasks", "check_wait"]


# Whether a task of Tekton waits for others as a step does: it starts where they succeeded, or skipped themselves.

FAILURES = frozenset({"failed", "errored"})


def check_wait(step: Step, upstream: Called, outcomes: frozenset[str], *, is_read: bool) -> None:
    """Sees to it that a step starts in the same cases as its task.

    Args:
        step: the step.
        upstream: what it waits for.
        outcomes: those after which it starts.
        is_read: whether it reads what that hands out.

    Raises:
        Unsupported: it starts where its task would not, or the other way round.
    """
    tolerated = frozenset(upstream.step.tolerates)
    if "succeeded" not in outcomes or (outcomes & FAILURES) - tolerated:
        raise refuse("Step.needs", step.name, f"starts after a failure of {upstream.step.name!r}")
    if tolerated and not outcomes & FAILURES:
        raise refuse("Step.needs", step.name, f"does not start where {upstream.step.name!r} failed, which may")
    is_graph = not isinstance(upstream.output, Task)
    skips = any(task.may_skip for task in upstream.last)
    misses = any(task.may_miss for task in upstream.last)
    if skips and "skipped" not in outcomes and not is_read:
        reason = f"needs that {upstream.step.name!r} succeeded, which may be skipped"
        raise refuse("Step.needs", step.name, reason, "pass a result of it, or let it start all the same")
    if skips and "skipped" in outcomes and is_read:
        raise refuse("Step.needs", step.name, f"reads from {upstream.step.name!r}, which may be skipped")
    if misses and (is_graph or "omitted" in outcomes):
        raise refuse("Step.needs", step.name, f"starts although {upstream.step.name!r} may have been left out")


OTHER = re.compile(r"[^a-z0-9]+")
MAX_NAME = 50
MAX_TASKS = 2000


class Tasks:
    """The tasks of a workflow.

    Args:
        workflow: its parameters are passed to all that read them.

    Attributes:
        found: the tasks so far, each behind those that it waits for.
    """

    def __init__(self, workflow: Workflow) -> None:
        self.found: list[Task] = []
        self._workflow = workflow
        self._by_name = callables(workflow)
        self._tasks: dict[str, Task] = {}

    def add(self, step: Step) -> tuple[list[Task], Mapping[str, Value]]:
        """The tasks of a call that waits for nothing, and the output parameters of the graph that it calls.

        Raises:
            Unsupported: there is something in it that no pipeline of tasks does.
        """
        called = self._call(step, "", Scope({}, _no_output), [], (), ())
        return called.tasks, {} if isinstance(called.output, Task) else called.output

    def _call(
        self,
        step: Step,
        prefix: str,
        scope: Scope,
        after: list[Task],
        conditions: tuple[Membership, ...],
        around: tuple[str, ...],
    ) -> Called:
        callee = self._by_name.get(step.call.name) if isinstance(step.call, Call) else None
        if callee is None:
            raise refuse("Step.call", step.name, "calls what is not in this workflow")
        if callee.name in around:
            circle = into_circle(self._workflow)
            assert circle is not None
            raise refuse("Step.call", circle[0], f"calls {circle[1]!r}, which calls itself", WAY_OUT)
        check_step(step, callee)
        arguments = self._arguments(step, callee, scope)
        own = (*conditions, *self._conditions(step, scope))
        name = f"{prefix}{step.name or 'exit'}"
        if isinstance(callee, Operation):
            return self._task(step, callee, name, arguments, after, own)
        for argument, value in arguments.items():
            if any(item.to == "item" for item in references(value)):
                raise refuse("Step.loop", step.name, f"passes an item to a graph as {argument!r}")
        inner = "" if not around else f"{name}-"
        return self._graph(step, callee, inner, arguments, after, own, (*around, callee.name))

    def _task(
        self,
        step: Step,
        operation: Operation,
        name: str,
        arguments: dict[str, Value],
        after: list[Task],
        conditions: tuple[Membership, ...],
    ) -> Called:
        if len(self.found) >= MAX_TASKS:
            raise refuse("Workflow.graphs", step.name, f"is one of more than {MAX_TASKS} tasks", "convert its parts")
        if step.loop is not None and any(item.value.to == "item" for item in conditions):
            raise refuse("Step.condition", step.name, "decides for each item of its loop")
        read = {item.step for item in references(tuple(arguments.values())) if item.step}
        read |= {item.value.step for item in conditions if item.value.step}
        task = Task(
            name=self._named(name),
            step=step,
            operation=operation,
            arguments=arguments,
            after=[item.name for item in after],
            conditions=conditions,
            may_skip=bool(conditions),
            may_miss=any(item.may_miss for item in after) or any(self._may_leave_out(name) for name in read),
        )
        self.found.append(task)
        self._tasks[task.name] = task
        return Called(step, task, [task], [task])

    def _may_leave_out(self, name: str) -> bool:
        return self._tasks[name].may_skip or self._tasks[name].may_miss

    def _named(self, wanted: str) -> str:
        """A name that Kubernetes takes for a label, and that no other task has."""
        name = OTHER.sub("-", wanted.lower()).strip("-")[:MAX_NAME].strip("-") or "task"
        return fresh_name(name, self._tasks)

    def _arguments(self, step: Step, callee: Graph | Operation, scope: Scope) -> dict[str, Value]:
        filled_values: dict[str, Value] = {}
        for argument in step.arguments:
            if argument.kind != "parameter":
                raise refuse("Port.kind", step.name, f"hands the artifact {argument.name!r} on")
            filled_values[argument.name] = filled(argument.value, scope, step.name)
        values: dict[str, Value] = {}
        for port in callee.inputs:
            if port.kind != "parameter":
                raise refuse("Port.kind", callee.name, f"takes the artifact {port.name!r}")
            usual = port.value if port.value is not None else port.default
            if port.name in filled_values:
                values[port.name] = filled_values[port.name]
            elif usual is not None:
                values[port.name] = filled(usual, Scope({}, _no_output), callee.name)
            else:
                raise refuse("Port.value", step.name, f"gets no value for {port.name!r}", "pass one")
        return values

    def _conditions(self, step: Step, scope: Scope) -> tuple[Membership, ...]:
        tests = memberships(step.condition)
        if tests is None:
            raise refuse("Step.condition", step.name, "has a condition that is more than comparisons of texts")
        memberships_read: list[Membership] = []
        for item in tests:
            if is_outcome(item.value):
                memberships_read.append(status_asked(item, step.name))
                continue
            value = filled(item.value, scope, step.name)
            for text in item.among:  # Tekton replaces variables in these, too
                filled(Literal(value=text), scope, step.name)
            if isinstance(value, Literal):
                if (value.value in item.among) is item.negated:
                    raise refuse("Step.condition", step.name, "has a condition that never holds", "leave the step out")
            elif isinstance(value, Reference):
                memberships_read.append(item._replace(value=value))
            else:
                raise refuse("Step.condition", step.name, "compares a text that is put together")
        return tuple(memberships_read)

    def _graph(
        self,
        step: Step,
        graph: Graph,
        prefix: str,
        arguments: dict[str, Value],
        after: list[Task],
        conditions: tuple[Membership, ...],
        around: tuple[str, ...],
    ) -> Called:
        check_graph(graph, self._by_name)
        called: dict[str, Called] = {}
        waited_for: set[str] = set()

        def output(reference: Reference) -> Value:
            if reference.step not in called:
                raise refuse("Step.arguments", graph.name, f"reads {reference.step!r}, which is not before it")
            return self._output(called[reference.step], reference)

        scope = Scope(arguments, output)
        for inner, before in ordered(graph):
            waited_for.update(before)
            waits = self._waits(inner, before, called) if before else after
            called[inner.name] = self._call(inner, prefix, scope, waits, conditions, around)
        tasks = [task for item in called.values() for task in item.tasks]
        last = [task for name, item in called.items() if name not in waited_for for task in item.last]
        outputs = {
            item.name: filled(item.value, scope, graph.name)
            for item in graph.outputs
            if item.kind == "parameter" and item.exported is None and item.default is None and _is_text(item.value)
        }
        return Called(step, outputs, tasks, last or after)

    def _output(self, called: Called, reference: Reference) -> Value:
        """What an output of a step stands for."""
        if called.step.loop is not None:
            raise refuse("Step.loop", called.step.name, "loops, and the outputs of all its runs are read together")
        source = called.output
        if not isinstance(source, Task):
            if reference.name not in source or reference.kind != "parameter":
                raise refuse("Output.value", called.step.name, f"has no output parameter {reference.name!r}")
            return source[reference.name]
        name = reference.name
        if reference.kind == "result":
            if reference.name != "result":
                raise refuse("Step.arguments", called.step.name, f"has its {reference.name} read")
            source.is_printed, name = True, printed_result(source.operation)
        elif all((item.name, item.kind) != (name, "parameter") for item in source.operation.outputs):
            feature = "Output.kind" if any(item.name == name for item in source.operation.outputs) else "Output.value"
            raise refuse(feature, called.step.name, f"has no output parameter {name!r}")
        return Reference(to="output", kind="parameter", step=source.name, name=name)

    def _waits(self, step: Step, before: Mapping[str, frozenset[str]], called: Mapping[str, Called]) -> list[Task]:
        """The tasks that a step waits for."""
        tasks: list[Task] = []
        read = {item.step for item in references((step.arguments, step.condition)) if item.step}
        for name, outcomes in before.items():
            if name not in called:
                raise refuse("Step.needs", step.name, f"needs {name!r}, which is not in its graph")
            check_wait(step, called[name], outcomes, is_read=name in read)
            tasks += called[name].last
        return tasks


def _is_text(value: Value | None) -> TypeGuard[Value]:
    """Whether a value is made of texts and references, and nothing that has to be evaluated."""
    if isinstance(value, Template):
        return all(isinstance(part, (str, Reference)) for part in value.parts)
    return isinstance(value, (Literal, Reference))


def _no_output(reference: Reference) -> Value:
    raise refuse("Step.arguments", reference.step, "is read where it is not known")
