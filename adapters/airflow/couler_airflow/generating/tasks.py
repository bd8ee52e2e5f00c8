"""A workflow from its entry down as the tasks of one DAG: each call of an operation is a task, each graph a group.

Values are resolved on the way down, so that a task knows its texts; loops whose items are known are written out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as replace_fields
from functools import partial
from typing import Any

from couler_airflow.generating.calls import bound, condition_of, holds, items_of
from couler_airflow.generating.functions import mapped_over, tell_of
from couler_airflow.generating.needs import ENDS, FINE, SUCCESS, Rule, Wait, rule_for
from couler_airflow.generating.printing import Ids
from couler_airflow.generating.task import Called, Incoming, Order, Run, Task, is_chain, pulled, wait_for
from couler_airflow.generating.texts import Jinja, Scope, Text, resolve
from couler_airflow.legal import Diagnostics, refusal
from couler_plugins.engine_kit.legalize.legality import SHOWN
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Call,
    Graph,
    Handler,
    Operation,
    Reference,
    Step,
    Workflow,
    callables,
    fresh_name,
    replace,
)

MAX_TASKS = 10_000
MAX_DEPTH = 49


def tasks_of(workflow: Workflow, parameters: dict[str, Text], diagnostics: Diagnostics) -> list[Task]:
    """The tasks of a workflow, each after those that it waits for.

    Args:
        workflow: it has an entry.
        parameters: what its parameters stand for.
        diagnostics: is told what is not quite the same.

    Raises:
        Unsupported: it has something that a DAG cannot do.
    """
    planner = _Planner(workflow, diagnostics)
    entry = workflow.entry
    assert entry is not None
    scope = Scope(parameters, dict(parameters))
    last = planner.call(entry, (), scope, Incoming()).last
    if not diagnostics.refusals:  # those who read may be refused
        planner.lose_unread()
    if workflow.handlers:
        planner.handle_exit(workflow.handlers, scope, last)
    return planner.tasks


class _Planner:
    def __init__(self, workflow: Workflow, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        self.tasks: list[Task] = []
        self._outputs: dict[tuple[str, str], bool] = {}
        self.ids = Ids()
        self._by_name = callables(workflow)
        self._entry = workflow.entry

    def call(self, step: Step, place: tuple[str, ...], scope: Scope, incoming: Incoming) -> Called:
        """Adds the tasks of one call."""
        assert isinstance(step.call, Call)
        callee, is_entry = self._by_name[step.call.name], step is self._entry
        if len(place) >= MAX_DEPTH:
            raise refusal("Step.call", step.name, f"calls {callee.name!r}, which is nested too deeply")
        own = (*place, callee.name if is_entry else step.name)
        listed, items = items_of(step, scope)
        scopes = [scope if item is None else replace_fields(scope, item=(item,)) for item in items]
        runs = [Run(bound(step, callee, inner, is_entry=is_entry), condition_of(step, inner)) for inner in scopes]
        if isinstance(callee, Operation):
            over = mapped_over(listed, callee, incoming)
            if listed is not None and over is None:
                incoming = self._listing(step, listed, (*place, f"{own[-1]}-items"), incoming)
            return self._operation(step, callee, runs, own, incoming, spread=listed is not None, over=over)
        if listed is not None:
            reason = f"calls {callee.name!r} for the items of a list that is only known at run time"
            raise refusal("Step.loop", step.name, reason)
        return self._composite(step, callee, runs, own, incoming)

    def handle_exit(self, handlers: Sequence[Handler], scope: Scope, last: Sequence[Task]) -> None:
        """Adds what runs at the end, whatever the outcome, and what then says how the run ended.

        A run of Airflow ends as the tasks do that nothing waits for. So the last one fails where one of those before
        the handler failed, or the handler did: Argo takes both for a failure of the workflow.
        """
        (handler,) = handlers
        waits = [wait_for(task, ENDS) for task in self.tasks]
        step = replace(handler.step, name=handler.step.name or "exit")
        called = self.call(step, (), scope, Incoming(waits, Rule("all_done", after_failure=True)))
        if called.is_graph:
            self._diagnostics.refuse("Workflow.handlers", step.name, "runs a graph at the end", "make it one container")
        ends = [wait_for(task, ENDS) for task in (*last, *called.last)]
        place = fresh_name("failed", {task.place[0] for task in self.tasks})
        self._add((place,), Incoming(ends, Rule("one_failed")), fails=True)

    def lose_unread(self) -> None:
        """Says which outputs of graphs are lost, as nothing reads them."""
        for (graph, name), is_read in self._outputs.items():
            if not is_read:
                self._diagnostics.lose("Graph.outputs", graph, f"shows an output {name!r} that no step reads")

    def _graph_output(self, step: Step, graph: Graph, scope: Scope, reference: Reference) -> Text:
        if step.loop is not None:
            raise refusal("Step.loop", step.name, "loops, and the outputs of all its runs are read together")
        for item in graph.outputs:
            if (item.name, item.kind, reference.kind) == (reference.name, "parameter", "parameter"):
                if item.value is None or item.default is not None:
                    raise refusal("Output.default", step.name, f"has an output {item.name!r} that may be missing")
                self._outputs[graph.name, item.name] = True
                return resolve(item.value, scope, step.name)
        raise refusal("Output.kind", step.name, f"has no output parameter {reference.name!r}")

    def _add(self, place: tuple[str, ...], incoming: Incoming, step: Step | None = None, **fields: Any) -> Task:
        task = Task(len(self.tasks), place, step, waits=incoming.waits, rule=incoming.rule, **fields)
        task.task_id = self.ids.of(place)
        if len(self.tasks) >= MAX_TASKS:
            hint = "convert its parts by themselves"
            raise refusal("Workflow.graphs", place[-1], f"is one of more than {MAX_TASKS} tasks", hint)
        self.tasks.append(task)
        return task

    def _operation(
        self,
        step: Step,
        operation: Operation,
        runs: list[Run],
        place: tuple[str, ...],
        incoming: Incoming,
        *,
        spread: bool,
        over: int | None,
    ) -> Called:
        if (function := function_of(operation)) is not None:
            tell_of(operation, function, self._diagnostics)
        operation = replace(operation, retry=step.retry or operation.retry, timeout=step.timeout or operation.timeout)
        loops = step.loop is not None
        if loops:
            runs = [run for run in runs if not (run.condition and holds(run.condition) is False)]
            if not runs or any(run.condition and holds(run.condition) is None for run in runs):
                raise refusal("Step.condition", step.name, "decides for each item of its loop")
            runs = [run._replace(condition=None) for run in runs]
        if any(run.condition for run in runs) and incoming.rule.after_failure:
            self._diagnostics.refuse("Step.condition", step.name, "has a condition, and may start after a failure")
        task = self._add(place, incoming, step, operation=operation, runs=runs, loops=loops, spread=spread, over=over)
        return Called(step, [task], [task], partial(pulled, task), task.possible, is_graph=False)

    def _listing(self, step: Step, listed: Text, place: tuple[str, ...], incoming: Incoming) -> Incoming:
        """Adds the task that gives a loop what its operator is called with, once the list is known."""
        task = self._add(place, incoming, step, listed=listed)
        wait = Wait(task.number, SUCCESS, task.possible, task.rule.hollow)
        return Incoming([wait], rule_for([wait], step.name))

    def _composite(
        self, step: Step, graph: Graph, runs: list[Run], place: tuple[str, ...], incoming: Incoming
    ) -> Called:
        if any(run.condition and holds(run.condition) is not True for run in runs):
            self._diagnostics.refuse("Step.condition", step.name, f"calls the graph {graph.name!r} on a condition")
        if incoming.rule.hollow:
            self._diagnostics.refuse("Step.needs", step.name, f"calls the graph {graph.name!r}, which may be left out")
        for item in graph.outputs:
            self._outputs.setdefault((graph.name, item.name), False)
        first, inner = len(self.tasks), place if step is not self._entry else ()
        parts = [
            self._graph(
                graph, inner if step.loop is None else (*inner[:-1], f"{inner[-1]}-{number}"), run.scope, incoming
            )
            for number, run in enumerate(runs)
        ]
        output = partial(self._graph_output, step, graph, parts[0][1])
        last = [task for tasks, _ in parts for task in tasks]
        possible = frozenset({"succeeded", "failed", *({"omitted"} if incoming.rule.unmet else ())})
        return Called(step, self.tasks[first:], last, output, possible, is_graph=True)

    def _graph(
        self, graph: Graph, place: tuple[str, ...], scope: Scope, incoming: Incoming
    ) -> tuple[list[Task], Scope]:
        """Adds the tasks of a graph; gives those that no other of them waits for, and the scope of its outputs."""
        steps_of = Order(graph, incoming, self.tasks)

        def output(reference: Reference) -> Text:
            if reference.step not in steps_of.called:
                raise refusal("Step.arguments", "", f"refers to {reference.step!r}, which is not before it")
            return steps_of.called[reference.step].output(reference)

        scope = replace_fields(scope, output=output, item=None)
        if not graph.steps:
            return [self._add((*place, "nothing"), incoming)], scope
        if graph.stages is None and graph.fail_fast is not False and not is_chain(graph):
            reason = "once a step failed, steps that do not wait for it still start; failFast would keep them from that"
            self._diagnostics.note(graph.name, "goes on after a failure", reason)

        def join(own: Incoming, stage: int) -> Incoming:
            """One task that waits for all of these, where the edges would be too many."""
            waits = [wait_for(self._add((*place, f"stage-{stage}"), own), FINE)]
            return Incoming(waits, rule_for(waits, graph.name))

        for step, own in steps_of.starts(join):
            if own is not incoming and own.rule.after_failure and incoming.rule.unmet:
                self._diagnostics.refuse(
                    "Step.needs", step.name, f"starts after a failure in {graph.name!r}, which may not run at all"
                )
            try:
                steps_of.called[step.name] = self.call(step, place, scope, own)
            except Unsupported as error:
                if len(self.tasks) >= MAX_TASKS or len(self._diagnostics.refusals) >= SHOWN:
                    raise  # calls within each other may be exponentially many
                self._diagnostics.refusals.append(error)
                steps_of.called[step.name] = Called(step, [], [], _refused, frozenset(), is_graph=False)
        for end in steps_of.last:
            if end.step.tolerates:
                self._diagnostics.refuse("Step.tolerates", end.step.name, "may fail, and nothing comes after it")
        return [task for end in steps_of.last for task in end.last], scope


def _refused(reference: Reference) -> Text:
    """What an output of a step stands for that is refused: nothing else is to be refused for it."""
    return (Jinja(reference.name),)
