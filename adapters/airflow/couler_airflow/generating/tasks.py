"""A workflow from its entry down as the tasks of one DAG: each call of an operation is a task, each graph a group.

Values are resolved on the way down, so that a task knows its texts; loops whose items are known are written out. What
is called on a condition is not entered: each task in it asks for the condition again, and is skipped where it is false.
"""

from __future__ import annotations

from dataclasses import replace as replace_fields
from functools import partial
from typing import Any

from couler_airflow.generating.artifacts import folder_of
from couler_airflow.generating.calls import bound, items_of
from couler_airflow.generating.conditions import Condition, condition_of, has_item, holds
from couler_airflow.generating.endings import Endings
from couler_airflow.generating.functions import mapped_over, tell_of
from couler_airflow.generating.needs import SUCCESS, Wait, rule_for
from couler_airflow.generating.operators import PLAIN
from couler_airflow.generating.order import Called, Incoming, Order, is_chain, refused, wait_for_end, without_steps
from couler_airflow.generating.outputs import Outputs
from couler_airflow.generating.printing import Ids
from couler_airflow.generating.task import Run, Task, gathered, pulled
from couler_airflow.generating.texts import Scope, Text, resolve
from couler_airflow.legal import Diagnostics, refusal
from couler_plugins.engine_kit.legalize.legality import SHOWN
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Call,
    Graph,
    Literal,
    Operation,
    Reference,
    Step,
    Workflow,
    callables,
    fresh_name,
    needed,
    replace,
)

MAX_TASKS = 10_000
MAX_DEPTH = 49
NOTHING = ("BashOperator", {"bash_command": "true"})


def tasks_of(
    workflow: Workflow, parameters: dict[str, Text], diagnostics: Diagnostics, dag_id: str, store: str
) -> list[Task]:
    """The tasks of a workflow, each after those that it waits for.

    Args:
        workflow: it has an entry.
        parameters: what its parameters stand for.
        diagnostics: is told what is not quite the same.
        dag_id: the id of the DAG.
        store: the claim in which artifacts are handed on; empty for none.

    Raises:
        Unsupported: it has something that a DAG cannot do.
    """
    planner = Planner(workflow, diagnostics, folder_of(dag_id) if store else ())
    entry = workflow.entry
    assert entry is not None
    scope = Scope(parameters, dict(parameters), exported=planner.outputs.exported)
    called = planner.call(entry, (), scope, Incoming())
    if not diagnostics.refusals:  # those who read may be refused
        planner.endings.end(workflow, scope, called)
        planner.outputs.tell(planner.tasks)
    return planner.tasks


class Planner:
    """Plans the tasks of a DAG.

    Args:
        workflow: the workflow.
        diagnostics: is told what is refused.
        folder: where artifacts of a run are, below the store; empty where there is none.

    Attributes:
        tasks: the tasks so far.
        outputs: what outputs stand for.
        endings: adds what runs at the end of something.
        guards: what has to hold for the graphs around to run.
    """

    def __init__(self, workflow: Workflow, diagnostics: Diagnostics, folder: Text) -> None:
        self.diagnostics = diagnostics
        self.tasks: list[Task] = []
        self.outputs = Outputs(diagnostics)
        self.guards: tuple[Condition, ...] = ()
        self.endings = Endings(self, is_strict=workflow.engine != "argo")
        self._folder = folder
        self._ids = Ids()
        self.by_name = callables(workflow)
        self._entry = workflow.entry

    def call(self, step: Step, place: tuple[str, ...], scope: Scope, incoming: Incoming) -> Called:
        """Adds the tasks of one call."""
        assert isinstance(step.call, Call)
        callee, is_entry = self.by_name[step.call.name], step is self._entry
        if len(place) >= MAX_DEPTH:
            raise refusal("Step.call", step.name, f"calls {callee.name!r}, which is nested too deeply")
        own = (*place, callee.name if is_entry else step.name)
        listed, items = items_of(step, scope)
        scopes = [scope if item is None else replace_fields(scope, item=(item,)) for item in items]
        runs = [Run(bound(step, callee, inner, is_entry=is_entry), condition_of(step, inner)) for inner in scopes]
        if isinstance(callee, Graph):
            if listed is not None:
                reason = f"calls {callee.name!r} for the items of a list that is only known at run time"
                raise refusal("Step.loop", step.name, reason)
            return self._composite(step, callee, runs, own, incoming)
        if listed is not None:
            return self._spread(step, callee, listed, runs[0], own, incoming)
        runs = [run for run in runs if not (step.loop and run.condition and holds(run.condition) is False)]
        if not runs:
            raise refusal("Step.condition", step.name, "loops over items that it never runs for")
        if step.loop is not None and (self.guards or any(run.condition and not holds(run.condition) for run in runs)):
            return self._unrolled(step, callee, runs, own, incoming)
        if step.loop is not None:
            runs = [run._replace(condition=None) for run in runs]
        task = self._operation(step, callee, runs, own, incoming, loops=step.loop is not None)
        return Called(step, [task], [task], partial(pulled, task), task.possible, is_graph=False)

    def add(self, place: tuple[str, ...], incoming: Incoming, step: Step | None = None, **fields: Any) -> Task:
        """Adds one task."""
        if step is None:
            name = fresh_name(place[-1], {task.place[-1] for task in self.tasks if task.place[:-1] == place[:-1]})
            place = (*place[:-1], name)
        task = Task(len(self.tasks), place, step, waits=incoming.waits, rule=incoming.rule, **fields)
        task.task_id = self._ids.of(place)
        task.guards = self.guards
        task.folder = self._folder
        if len(self.tasks) >= MAX_TASKS:
            hint = "convert its parts by themselves"
            raise refusal("Workflow.graphs", place[-1], f"is one of more than {MAX_TASKS} tasks", hint)
        self.tasks.append(task)
        return task

    def _operation(
        self, step: Step, operation: Operation, runs: list[Run], place: tuple[str, ...], incoming: Incoming, **more: Any
    ) -> Task:
        if (function := function_of(operation)) is not None:
            tell_of(operation, function, self.diagnostics)
        if any(run.condition for run in runs):
            self._refuse_late(step, incoming)
        paths = {
            (side, item.name): item.path
            for side, items in (("input", operation.inputs), ("output", operation.outputs))
            for item in items
            if item.kind == "artifact" and item.path is not None
        }
        for number, run in enumerate(runs if paths else ()):
            own: dict[tuple[str, str], Text] = {
                key: (str(path.value),) for key, path in paths.items() if isinstance(path, Literal)
            }
            scope = replace_fields(run.scope, paths=own)
            own |= {key: resolve(path, scope, step.name) for key, path in paths.items() if key not in own}
            runs[number] = run._replace(scope=replace_fields(scope, paths=own))
        if operation.kind in PLAIN:
            plain, answers = PLAIN[operation.kind](operation, runs[0].scope, step.name, self.diagnostics)
            if more.get("loops") or more.get("spread"):
                raise refusal("Step.loop", step.name, "loops, and is no container")
            more |= {"plain": plain, "answers": answers}
        operation = replace(operation, retry=step.retry or operation.retry, timeout=step.timeout or operation.timeout)
        task = self.add(place, incoming, step, operation=operation, runs=runs, **more)
        self.outputs.export(task, operation)
        return task

    def _refuse_late(self, step: Step, incoming: Incoming) -> None:
        if incoming.rule.after_failure and not self.endings.is_open:
            self.diagnostics.refuse("Step.condition", step.name, "has a condition, and may start after a failure")

    def _spread(
        self, step: Step, operation: Operation, listed: Text, run: Run, place: tuple[str, ...], incoming: Incoming
    ) -> Called:
        """Adds a loop over a list that only the run knows, and what lists its items."""
        by_item = has_item(run.condition)
        over = None if self.guards or run.condition else mapped_over(listed, operation, incoming)
        if over is None:
            fields = {"only": run.condition} if by_item else {"runs": [run]}
            if run.condition and not by_item:
                self._refuse_late(step, incoming)
            task = self.add((*place[:-1], f"{place[-1]}-items"), incoming, step, listed=listed, **fields)
            wait = Wait(task.number, SUCCESS, task.possible, task.rule.hollow)
            incoming = Incoming([wait], rule_for([wait], step.name))
        run = run._replace(condition=None)
        task = self._operation(step, operation, [run], place, incoming, loops=True, spread=True, over=over)
        return Called(step, [task], [task], partial(pulled, task), task.possible, is_graph=False)

    def _unrolled(
        self, step: Step, operation: Operation, runs: list[Run], place: tuple[str, ...], incoming: Incoming
    ) -> Called:
        """Adds a task for each item of a loop."""
        tasks = [
            self._operation(step, operation, [run], (*place[:-1], f"{place[-1]}-{number}"), incoming)
            for number, run in enumerate(runs)
        ]
        possible = frozenset(outcome for task in tasks for outcome in task.possible)
        return Called(step, tasks, tasks, partial(gathered, tasks), possible, is_graph=True)

    def _composite(
        self, step: Step, graph: Graph, runs: list[Run], place: tuple[str, ...], incoming: Incoming
    ) -> Called:
        if incoming.rule.hollow:
            self.diagnostics.refuse("Step.needs", step.name, f"calls the graph {graph.name!r}, which may be left out")
        self.outputs.expect(graph)
        first, inner = len(self.tasks), place if step is not self._entry else ()
        last, scopes, skips = list[Task](), list[Scope](), False
        end: Task | None = None
        for number, run in enumerate(runs):
            guards, own = self.guards, inner if step.loop is None else (*inner[:-1], f"{inner[-1]}-{number}")
            is_guarded = run.condition is not None and holds(run.condition) is not True
            if is_guarded and run.condition is not None:
                self._refuse_late(step, incoming)
                self.guards = (*guards, run.condition)
            ends, scope = self._graph(graph, own, run.scope, incoming, is_top=step is self._entry)
            if is_guarded:
                self.guards, skips = guards, True
                end_place = (*own[:-1], f"{own[-1]}-end")
                end = self.add(end_place, wait_for_end(ends, graph.name), plain=NOTHING, runs=[run])
                ends = [end]
            last += ends
            scopes.append(scope)
        output = partial(self.outputs.of_graph, step, graph, scopes)
        others = {*({"omitted"} if incoming.rule.unmet else ()), *({"skipped"} if skips else ())}
        possible = frozenset({"succeeded", "failed", *others})
        end = end if len(runs) == 1 else None
        return Called(step, self.tasks[first:], last, output, possible, is_graph=True, end=end)

    def _graph(
        self, graph: Graph, place: tuple[str, ...], scope: Scope, incoming: Incoming, *, is_top: bool
    ) -> tuple[list[Task], Scope]:
        """Adds the tasks of a graph; gives those that no other of them waits for, and the scope of its outputs."""
        finalizers = [step for step in graph.steps if step.name in graph.finalizers]
        if finalizers:
            graph = without_steps(graph, graph.finalizers)
        steps_of = Order(graph, incoming, self.tasks, lambda name, own: self.add((*place, name), own))

        def output(reference: Reference) -> Text:
            if reference.step not in steps_of.called:
                raise refusal("Step.arguments", "", f"refers to {reference.step!r}, which is not before it")
            return steps_of.called[reference.step].output(reference)

        scope = replace_fields(scope, output=output, item=None)
        if not graph.steps:
            return [self.add((*place, "nothing"), incoming)], scope
        if graph.stages is None and graph.fail_fast is not False and not is_chain(graph):
            reason = "once a step failed, steps that do not wait for it still start; failFast would keep them from that"
            self.diagnostics.note(graph.name, "goes on after a failure", reason)
        first = len(self.tasks)
        for step, own in steps_of.starts():
            if own is not incoming and own.rule.after_failure and incoming.rule.unmet:
                self.diagnostics.refuse(
                    "Step.needs", step.name, f"starts after a failure in {graph.name!r}, which may not run at all"
                )
            if any({"failed"} == {*need.outcomes} & {"failed", "errored"} for need in needed(step.needs)):
                reason = "what Argo calls an error is a failure in Airflow, and it starts after both"
                self.diagnostics.note(step.name, "starts after errors", reason)
            try:
                called = self.call(step, place, scope, own)
                steps_of.called[step.name] = called
                if step.handlers:
                    self.endings.handle(step, called, place, scope, steps_of, own)
            except Unsupported as error:
                if len(self.tasks) >= MAX_TASKS or len(self.diagnostics.refusals) >= SHOWN:
                    raise  # calls within each other may be exponentially many
                self.diagnostics.refusals.append(error)
                steps_of.called[step.name] = Called(step, [], [], refused, frozenset(), is_graph=False)
        last = self.endings.of_graph(steps_of.last, place)
        if finalizers:
            last += self.endings.finalize(finalizers, self.tasks[first:], (*place,), scope, is_top=is_top)
        return last, scope
