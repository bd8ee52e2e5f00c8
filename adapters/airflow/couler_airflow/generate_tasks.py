"""A workflow from its entry down as the tasks of one DAG: each call of an operation is a task, each graph a group.

Values are resolved on the way down, so that a task knows its texts; loops whose items are known are written out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from couler_airflow.generate_conditions import Condition, condition_of, holds
from couler_airflow.generate_ids import Ids
from couler_airflow.generate_loops import items_of, listed_by_the_run
from couler_airflow.generate_losses import Losses
from couler_airflow.generate_needs import ENDS, SUCCESS, Accepted, Rule, Wait, accepted, rule_for
from couler_airflow.generate_objections import check_graph, check_operation, check_port, check_step
from couler_airflow.generate_refusals import refusal
from couler_airflow.generate_texts import Item, Jinja, Scope, Text, jinja_quoted, resolve
from couler_plugins.ir import (
    Call,
    Graph,
    GraphView,
    Handler,
    Operation,
    Reference,
    Step,
    Workflow,
    callables,
    fresh_name,
    needed,
    replace,
)

__all__ = ["RESULT", "Run", "Task", "tasks_of"]

RESULT = "result"
"""The key, in what a task returns, of what its container printed."""
MAX_TASKS = 10_000
MAX_DEPTH = 50
ALWAYS = Rule()
FINE = frozenset({"succeeded", "skipped"})


class Run(NamedTuple):
    """One run of a task: one item of its loop.

    Attributes:
        scope: what the operation's references stand for.
        condition: what has to hold; None where it always runs.
    """

    scope: Scope
    condition: Condition | None


@dataclass
class Task:
    """One task of the DAG.

    Attributes:
        number: its position.
        place: the names of the groups around it, and its own.
        step: the call; None where others only wait for each other here.
        operation: what it runs.
        runs: one, or one for each item of its loop.
        loops: whether it runs in a loop.
        fails: whether it does nothing but fail.
        listed: the list of a loop, as JSON text: it does nothing but give the next task what its runs are called with.
        spread: whether it runs for the items of a list that only the run knows: the task before it gives them.
        waits: its upstream tasks.
        rule: its trigger rule.
        printed: whether what its container prints is read by others.
        task_id: its id, once it has one.
    """

    number: int
    place: tuple[str, ...]
    step: Step | None = None
    operation: Operation | None = None
    runs: Sequence[Run] = ()
    loops: bool = False
    waits: Sequence[Wait] = ()
    rule: Rule = ALWAYS
    fails: bool = False
    listed: Text | None = None
    spread: bool = False
    printed: bool = False
    task_id: str = ""

    @property
    def possible(self) -> frozenset[str]:
        """The outcomes that it can have."""
        skipped = {"skipped"} if self.spread or any(run.condition for run in self.runs) else set()
        omitted = {"omitted"} if self.rule.unmet else set()
        fails = self.operation is not None or self.listed is not None
        return frozenset({"succeeded", *({"failed"} if fails else ()), *skipped, *omitted})


@dataclass
class _Called:
    """What became of a call: its tasks, those of them that nothing in it waits for, and its outputs."""

    step: Step
    tasks: list[Task]
    last: list[Task]
    output: Callable[[Reference], Text]
    possible: frozenset[str]
    is_graph: bool


@dataclass
class _Incoming:
    """What the first tasks of a call wait for."""

    waits: list[Wait] = field(default_factory=list)
    rule: Rule = ALWAYS


def tasks_of(workflow: Workflow, parameters: dict[str, Text], losses: Losses) -> list[Task]:
    """The tasks of a workflow, each after those that it waits for.

    Args:
        workflow: it has an entry.
        parameters: what its parameters stand for.
        losses: is told what is not quite the same.

    Raises:
        Unsupported: it has something that a DAG cannot do.
    """
    planner = _Planner(workflow, losses)
    entry = workflow.entry
    assert entry is not None
    scope = Scope(parameters, dict(parameters))
    last = planner.call(entry, (), scope, _Incoming(), ()).last
    planner.lose_unread()
    if workflow.handlers:
        planner.handle_exit(workflow.handlers, scope, last)
    return planner.tasks


def wait_for(task: Task, outcomes: frozenset[str]) -> Wait:
    """An upstream task that is to end with one of these outcomes."""
    return Wait(task.number, outcomes, task.possible, task.rule.hollow, task.loops)


class _Planner:
    def __init__(self, workflow: Workflow, losses: Losses) -> None:
        self._losses = losses
        self.tasks: list[Task] = []
        self._outputs: dict[tuple[str, str], bool] = {}
        self.ids = Ids()
        self._by_name = callables(workflow)
        self._entry = workflow.entry

    def call(
        self, step: Step, place: tuple[str, ...], scope: Scope, incoming: _Incoming, around: tuple[str, ...]
    ) -> _Called:
        """Adds the tasks of one call; `around` are the names of the graphs that are being expanded."""
        check_step(step)
        callee = self._by_name.get(step.call.name) if isinstance(step.call, Call) else None
        if callee is None:
            hint = "put the template into the workflow itself"
            raise refusal("Step.call", step.name, "calls what is not in this workflow", hint)
        if len(around) >= MAX_DEPTH or callee.name in around:
            raise refusal("Step.call", step.name, f"calls {callee.name!r}, which calls itself, or is nested too deeply")
        name = callee.name if step is self._entry else step.name
        listed = listed_by_the_run(step, scope)
        items = items_of(step, scope) if listed is None else [Item()]
        scopes = [scope if item is None else replace_item(scope, item) for item in items]
        runs = [Run(self._bound(step, callee, inner), condition_of(step, inner)) for inner in scopes]
        if isinstance(callee, Operation):
            if listed is not None:
                incoming = self._listing(step, listed, (*place, f"{name}-items"), incoming)
            return self._operation(step, callee, runs, (*place, name), incoming, spread=listed is not None)
        if listed is not None:
            raise refusal(
                "Step.loop", step.name, f"calls {callee.name!r} for the items of a list that only the run knows"
            )
        return self._composite(step, callee, runs, (*place, name), incoming, (*around, callee.name))

    def handle_exit(self, handlers: Sequence[Handler], scope: Scope, last: Sequence[Task]) -> None:
        """Adds what runs at the end, whatever the outcome, and what then says how the run ended.

        A run of Airflow ends as the tasks do that nothing waits for. So the last one fails where one of those before
        the handler failed, or the handler did: Argo takes both for a failure of the workflow.
        """
        handler = handlers[0]
        if len(handlers) > 1 or handler.event != "exit" or handler.condition is not None:
            raise refusal("Workflow.handlers", "", "has hooks beside an exit handler, or on conditions")
        waits = [wait_for(task, ENDS) for task in self.tasks]
        step = replace(handler.step, name=handler.step.name or "exit")
        called = self.call(step, (), scope, _Incoming(waits, Rule("all_done", after_failure=True)), ())
        if called.is_graph:
            raise refusal("Workflow.handlers", step.name, "runs a graph at the end", "make it one container")
        ends = [wait_for(task, ENDS) for task in (*last, *called.last)]
        place = fresh_name("failed", {task.place[0] for task in self.tasks})
        self._add(Task(len(self.tasks), (place,), waits=ends, rule=Rule("one_failed"), fails=True))

    def lose_unread(self) -> None:
        """Says which outputs of graphs are lost, as nothing reads them."""
        for (graph, name), is_read in self._outputs.items():
            if not is_read:
                self._losses.lose("Graph.outputs", graph, f"shows an output {name!r} that no step reads")

    def _graph_output(self, step: Step, graph: Graph, scope: Scope, reference: Reference) -> Text:
        for item in graph.outputs:
            if (item.name, item.kind, reference.kind) == (reference.name, "parameter", "parameter"):
                if item.value is None or item.default is not None:
                    raise refusal("Output.default", step.name, f"has an output {item.name!r} that may be missing")
                self._outputs[graph.name, item.name] = True
                return resolve(item.value, scope, step.name)
        raise refusal("Output.kind", step.name, f"has no output parameter {reference.name!r}")

    def _bound(self, step: Step, callee: Graph | Operation, scope: Scope) -> Scope:
        """What the callee's own references stand for."""
        given = {}
        for argument in step.arguments:
            if argument.kind != "parameter":
                raise refusal("Argument.kind", step.name, f"hands the artifact {argument.name!r} on")
            given[argument.name] = resolve(argument.value, scope, step.name)
        inputs: dict[str, Text] = {}
        for port in callee.inputs:
            check_port(port, step.name)
            if port.name in given:
                inputs[port.name] = given[port.name]
            elif step is self._entry and port.name in scope.parameters:
                inputs[port.name] = scope.parameters[port.name]
            elif (value := port.value if port.value is not None else port.default) is not None:
                inputs[port.name] = resolve(value, Scope(scope.parameters), step.name)
            else:
                raise refusal("Port.value", step.name, f"gets no value for {port.name!r}", "pass one")
        return Scope(scope.parameters, inputs)

    def _add(self, task: Task) -> Task:
        task.task_id = self.ids.of(task.place)
        if len(self.tasks) >= MAX_TASKS:
            hint = "convert its parts by themselves"
            raise refusal("Workflow.graphs", task.place[-1], f"is one of more than {MAX_TASKS} tasks", hint)
        self.tasks.append(task)
        return task

    def _operation(
        self,
        step: Step,
        operation: Operation,
        runs: list[Run],
        place: tuple[str, ...],
        incoming: _Incoming,
        *,
        spread: bool,
    ) -> _Called:
        check_operation(operation)
        loops = step.loop is not None
        if loops:
            runs = [run for run in runs if not (run.condition and holds(run.condition) is False)]
            if not runs or any(run.condition and holds(run.condition) is None for run in runs):
                raise refusal("Step.condition", step.name, "decides for each item of its loop")
            runs = [run._replace(condition=None) for run in runs]
        if any(run.condition for run in runs) and incoming.rule.after_failure:
            raise refusal("Step.condition", step.name, "has a condition, and may start after a failure")
        waits, rule = incoming.waits, incoming.rule
        task = self._add(Task(len(self.tasks), place, step, operation, runs, loops, waits, rule, spread=spread))

        def output(reference: Reference) -> Text:
            return _pulled(task, reference)

        return _Called(step, [task], [task], output, task.possible, is_graph=False)

    def _listing(self, step: Step, listed: Text, place: tuple[str, ...], incoming: _Incoming) -> _Incoming:
        """Adds the task that gives a loop what its operator is called with, once the list is known."""
        if step.loop is not None and (step.loop.limit is not None or step.loop.includes):
            raise refusal("Loop.limit", step.name, "loops with a limit, or with more items than those of its list")
        task = self._add(Task(len(self.tasks), place, step, waits=incoming.waits, rule=incoming.rule, listed=listed))
        wait = Wait(task.number, SUCCESS, task.possible, task.rule.hollow)
        return _Incoming([wait], rule_for([wait], step.name))

    def _composite(
        self,
        step: Step,
        graph: Graph,
        runs: list[Run],
        place: tuple[str, ...],
        incoming: _Incoming,
        around: tuple[str, ...],
    ) -> _Called:
        check_graph(graph, is_entry=step is self._entry)
        if any(run.condition and holds(run.condition) is not True for run in runs):
            raise refusal("Step.condition", step.name, f"calls the graph {graph.name!r} on a condition")
        if incoming.rule.hollow:
            raise refusal("Step.needs", step.name, f"calls the graph {graph.name!r}, which may be left out")
        for item in graph.outputs:
            self._outputs.setdefault((graph.name, item.name), False)
        first = len(self.tasks)
        last: list[Task] = []
        output = _no_outputs(step)
        inner = place if step is not self._entry else ()
        for number, run in enumerate(runs):
            own = inner if step.loop is None else (*inner[:-1], f"{inner[-1]}-{number}")
            ends, outputs = self._graph(graph, own, run.scope, incoming, around)
            last += ends
            if step.loop is None:
                output = partial(self._graph_output, step, graph, outputs)
        tasks = self.tasks[first:]
        omitted = {"omitted"} if incoming.rule.unmet else set()
        return _Called(step, tasks, last, output, frozenset({"succeeded", "failed", *omitted}), is_graph=True)

    def _graph(
        self, graph: Graph, place: tuple[str, ...], scope: Scope, incoming: _Incoming, around: tuple[str, ...]
    ) -> tuple[list[Task], Scope]:
        """Adds the tasks of a graph; gives those that no other of them waits for, and the scope of its outputs."""
        called: dict[str, _Called] = {}

        def output(reference: Reference) -> Text:
            if reference.step not in called:
                raise refusal("Step.arguments", "", f"refers to {reference.step!r}, which is not before it")
            return called[reference.step].output(reference)

        scope = replace_output(scope, output)
        view = GraphView(graph)
        steps = {step.name: step for step in graph.steps}
        try:
            order = view.order()
        except ValueError as error:
            raise refusal("Step.needs", graph.name, f"cannot be put in an order: {error}") from error
        if not order:
            junction = self._add(Task(len(self.tasks), (*place, "nothing"), waits=incoming.waits, rule=incoming.rule))
            return [junction], scope
        if graph.stages is None and graph.fail_fast is not False and not _is_chain(graph):
            reason = "once a step failed, steps that do not wait for it still start; failFast would keep them from that"
            self._losses.note(graph.name, "goes on after a failure", reason)
        waited_for: set[str] = set()
        for name, own in self._starts(graph, place, order, incoming, called, waited_for):
            if own is not incoming and own.rule.after_failure and incoming.rule.unmet:
                raise refusal("Step.needs", name, f"starts after a failure in {graph.name!r}, which may not run at all")
            called[name] = self.call(steps[name], place, scope, own, around)
        ends = [called[name] for name in order if name not in waited_for]
        for end in ends:
            if end.step.tolerates:
                raise refusal("Step.tolerates", end.step.name, "may fail, and nothing comes after it")
        return [task for end in ends for task in end.last], scope

    def _starts(
        self,
        graph: Graph,
        place: tuple[str, ...],
        order: list[str],
        incoming: _Incoming,
        called: dict[str, _Called],
        waited_for: set[str],
    ) -> Iterator[tuple[str, _Incoming]]:
        """Each step with what it waits for, once those before it are in `called`; fills `waited_for`."""
        steps = {step.name: step for step in graph.steps}
        if graph.stages is None:
            for name in order:
                wanted = accepted(steps[name].needs, name)
                waited_for.update(wanted.outcomes)
                yield name, self._incoming(wanted, called, name) if wanted.outcomes else incoming
            return
        before: tuple[str, ...] = ()
        for number, stage in enumerate(filter(None, graph.stages)):
            wanted = Accepted({other: FINE | set(steps[other].tolerates) & ENDS for other in before})
            waited_for.update(before)
            own = self._incoming(wanted, called, stage[0]) if before else incoming
            if len(own.waits) > JOIN and len(stage) > 1:
                own = self._joined(own, (*place, f"stage-{number + 1}"))
            for name in stage:
                yield name, own
            before = stage

    def _incoming(self, wanted: Accepted, called: dict[str, _Called], name: str) -> _Incoming:
        waits: dict[int, Wait] = {}
        for other, outcomes in wanted.outcomes.items():
            if other not in called:
                raise refusal("Step.needs", name, f"needs {other!r}, which is not in its graph")
            for wait in self._waits(called[other], outcomes, name):
                waits[wait.task] = wait
            if called[other].step.tolerates and "failed" not in outcomes:
                raise refusal("Step.tolerates", other, f"may fail, and {name!r} does not start then")
        found = [waits[number] for number in sorted(waits)]
        return _Incoming(found, rule_for(found, name, some=wanted.some))

    def _waits(self, call: _Called, outcomes: frozenset[str], name: str) -> list[Wait]:
        """The tasks to wait for so that a step has ended with one of these outcomes."""
        if call.possible <= outcomes:
            waiting = {task.number: task for task in (call.tasks if call.is_graph else call.last)}
            pending = list(waiting.values())
            while pending:  # what is upstream_failed has ended before what it waited for
                task = pending.pop()
                for wait in task.waits if "omitted" in task.possible else ():
                    if wait.task not in waiting:
                        waiting[wait.task] = self.tasks[wait.task]
                        pending.append(self.tasks[wait.task])
            return [wait_for(task, ENDS) for task in waiting.values()]
        if not call.is_graph:
            return [wait_for(task, outcomes) for task in call.last]
        if outcomes & call.possible != SUCCESS:
            raise refusal("Step.needs", name, f"needs more than the success of {call.step.name!r}, which is a graph")
        return [wait_for(task, FINE) for task in call.last]

    def _joined(self, incoming: _Incoming, place: tuple[str, ...]) -> _Incoming:
        """One task that waits for all of these, where the edges would be too many."""
        junction = self._add(Task(len(self.tasks), place, waits=incoming.waits, rule=incoming.rule))
        waits = [wait_for(junction, FINE)]
        return _Incoming(waits, rule_for(waits, place[-1]))


def _is_chain(graph: Graph) -> bool:
    """Whether no two steps can run at a time."""
    before = [need.step for step in graph.steps for need in needed(step.needs)]
    roots = [step.name for step in graph.steps if step.needs is None]
    return len(roots) <= 1 and len(before) == len(set(before))


JOIN = 10
"""So many tasks are waited for by each task of the next stage; more are joined by a task between them."""


def replace_item(scope: Scope, item: object) -> Scope:
    """The scope inside of a loop."""
    return Scope(scope.parameters, scope.inputs, scope.output, (item,))


def replace_output(scope: Scope, output: Callable[[Reference], Text]) -> Scope:
    """The scope of the steps of a graph."""
    return Scope(scope.parameters, scope.inputs, output)


def _pulled(task: Task, reference: Reference) -> Text:
    """An output of a task, as it is found in what it returned."""
    step, operation = task.step, task.operation
    assert step is not None
    assert operation is not None
    if task.loops:
        raise refusal("Step.loop", step.name, "loops, and the outputs of all its runs are read together")
    if reference.path or reference.kind not in ("parameter", "result"):
        raise refusal(
            "Output.kind", step.name, f"has its {reference.kind or 'output'} {reference.name!r} read by others"
        )
    key = RESULT
    if reference.kind == "parameter":
        if not any(output.name == reference.name and output.kind == "parameter" for output in operation.outputs):
            raise refusal("Step.arguments", step.name, f"has no output {reference.name!r}")
        key = f"parameters.{reference.name}"
    else:
        task.printed = True
    return (Jinja(f"ti.xcom_pull(task_ids={jinja_quoted(task.task_id)})[{jinja_quoted(key)}]"),)


def _no_outputs(step: Step) -> Callable[[Reference], Text]:
    def output(reference: Reference) -> Text:
        raise refusal("Step.loop", step.name, "loops, and the outputs of all its runs are read together")

    return output
