"""Tasks of a generated DAG: what each runs and waits for, what others read of it, and the order of a graph's steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from couler_airflow.generating.calls import Condition
from couler_airflow.generating.needs import ENDS, FINE, SUCCESS, Accepted, Rule, Wait, accepted, rule_for
from couler_airflow.generating.texts import Jinja, Scope, Text, jinja_quoted
from couler_airflow.legal import refusal
from couler_plugins.documents.mappings import reached
from couler_plugins.engine_kit.legalize.python.functions import Function, function_of
from couler_plugins.ir import Graph, GraphView, Operation, Reference, Step, needed

RESULT = "result"
"""The key, in what a task returns, of what its container printed."""
ALWAYS = Rule()


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
        spread: whether it runs for the items of a list that is only known at run time: the task before it gives them.
        over: the task whose result it is mapped over as it is.
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
    over: int | None = None
    printed: bool = False
    task_id: str = ""

    @property
    def possible(self) -> frozenset[str]:
        """The outcomes that it can have."""
        skipped = {"skipped"} if self.spread or any(run.condition for run in self.runs) else set()
        omitted = {"omitted"} if self.rule.unmet else set()
        fails = self.operation is not None or self.listed is not None
        return frozenset({"succeeded", *({"failed"} if fails else ()), *skipped, *omitted})


def wait_for(task: Task, outcomes: frozenset[str]) -> Wait:
    """An upstream task that is to end with one of these outcomes."""
    return Wait(task.number, outcomes, task.possible, task.rule.hollow, task.loops)


def pulled(task: Task, reference: Reference) -> Text:
    """An output of a task, as it is found in what it returned."""
    step, operation = task.step, task.operation
    assert step is not None
    assert operation is not None
    function = function_of(operation)
    if function is not None:
        return (_returned(task, function, reference),)
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


def _returned(task: Task, function: Function, reference: Reference) -> Jinja:
    """What a function returned: a text as it is, all else as JSON; a list of that where it looped."""
    name, outputs = task.place[-1], dict(function.outputs)
    if reference.kind != "parameter" or reference.path or reference.name not in outputs:
        raise refusal("Step.arguments", name, f"has no output {reference.name!r} of its function", "let it return that")
    key = "" if list(outputs) == [RESULT] else reference.name
    code = f"ti.xcom_pull(task_ids={jinja_quoted(task.task_id)}{f', key={jinja_quoted(key)}' if key else ''})"
    if task.loops:
        code = f"{code}|list|tojson"
    elif outputs[reference.name] != "text":
        code = f"{code}|tojson"
    return Jinja(code, (task.number, key))


JOIN = 10
"""So many tasks are waited for by each task of the next stage; more are joined by a task between them."""


@dataclass
class Called:
    """What became of a call: its tasks, those of them that nothing in it waits for, and its outputs."""

    step: Step
    tasks: list[Task]
    last: list[Task]
    output: Callable[[Reference], Text]
    possible: frozenset[str]
    is_graph: bool


@dataclass
class Incoming:
    """What the first tasks of a call wait for."""

    waits: list[Wait] = field(default_factory=list)
    rule: Rule = ALWAYS


def order_of(graph: Graph) -> list[str]:
    """The steps of a graph, each after those that it needs or reads from.

    Raises:
        Unsupported: a step reads from one that it does not wait for.
    """
    view = GraphView(graph)
    waiting = GraphView(Graph(name="", steps=tuple(Step(name=s.name, call=s.call, needs=s.needs) for s in graph.steps)))
    stages = {name: number for number, names in enumerate(graph.stages or ()) for name in names}
    for name, read in ((after, before) for after in view.order() for before in view.reads[after]):
        if not (stages[read] < stages[name] if stages else read in waiting.ancestors(name)):
            raise refusal("Step.needs", name, f"reads from {read!r}, and does not wait for it")
    return view.order()


def is_chain(graph: Graph) -> bool:
    """Whether no two steps can run at a time."""
    before = [need.step for step in graph.steps for need in needed(step.needs)]
    roots = [step.name for step in graph.steps if step.needs is None]
    return len(roots) <= 1 and len(before) == len(set(before))


class Order:
    """What the steps of one graph wait for.

    Args:
        graph: the graph.
        incoming: what those wait for that wait for no step of it.
        tasks: all tasks so far.

    Attributes:
        called: what became of each step; whoever calls it fills that in.
        last: the steps so far that no other waits for.
    """

    def __init__(self, graph: Graph, incoming: Incoming, tasks: Sequence[Task]) -> None:
        self.called: dict[str, Called] = {}
        self._steps = {step.name: step for step in graph.steps}
        self._order = order_of(graph)
        self._stages = None if graph.stages is None else list(filter(None, graph.stages))
        self._first = incoming
        self._tasks = tasks

    @property
    def last(self) -> list[Called]:
        ends = self._stages[-1:] if self._stages is not None else [self._order]
        waited_for = {need.step for step in self._steps.values() for need in needed(step.needs)}
        return [self.called[name] for names in ends for name in names if name not in waited_for]

    def starts(self, join: Callable[[Incoming, int], Incoming]) -> Iterator[tuple[Step, Incoming]]:
        """Each step with what it waits for; those before it have to be in `called` by then.

        Args:
            join: adds one task that waits for what the nth stage waits for.
        """
        for name in self._order if self._stages is None else ():
            wanted = accepted(self._steps[name].needs, name)
            yield self._steps[name], self._incoming(wanted, name) if wanted.outcomes else self._first
        before: Sequence[str] = ()
        for number, stage in enumerate(self._stages or (), start=1):
            wanted = Accepted({other: FINE | set(self._steps[other].tolerates) & ENDS for other in before})
            own = self._incoming(wanted, stage[0]) if before else self._first
            if len(own.waits) > JOIN and len(stage) > 1:
                own = join(own, number)
            yield from ((self._steps[name], own) for name in stage)
            before = stage

    def _incoming(self, wanted: Accepted, name: str) -> Incoming:
        waits: dict[int, Wait] = {}
        for other, outcomes in wanted.outcomes.items():
            waits |= {wait.task: wait for wait in self._waits(self.called[other], outcomes, name)}
            if self.called[other].step.tolerates and "failed" not in outcomes:
                raise refusal("Step.tolerates", other, f"may fail, and {name!r} does not start then")
        incoming = [waits[number] for number in sorted(waits)]
        return Incoming(incoming, rule_for(incoming, name, some=wanted.some))

    def _waits(self, call: Called, outcomes: frozenset[str], name: str) -> list[Wait]:
        """The tasks to wait for so that a step has ended with one of these outcomes."""
        if call.possible <= outcomes:
            return [wait_for(task, ENDS) for task in self._ending(call.tasks if call.is_graph else call.last)]
        if not call.is_graph:
            return [wait_for(task, outcomes) for task in call.last]
        if outcomes & call.possible != SUCCESS:
            raise refusal("Step.needs", name, f"needs more than the success of {call.step.name!r}, which is a graph")
        return [wait_for(task, FINE) for task in call.last]

    def _ending(self, tasks: Sequence[Task]) -> list[Task]:
        """The tasks, and those before them: what is `upstream_failed` may end before what it waited for."""

        def before(number: int) -> Iterable[int]:
            task = self._tasks[number]
            return (wait.task for wait in task.waits) if "omitted" in task.possible else ()

        return [self._tasks[number] for number in reached((task.number for task in tasks), before)]
