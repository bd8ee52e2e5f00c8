"""The order of the steps of a graph: what each of them waits for, as tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from couler_airflow.generating.needs import (
    ALWAYS,
    ENDS,
    FINE,
    SOME,
    SUCCESS,
    Accepted,
    Rule,
    Wait,
    accepted,
    alike,
    rule_for,
)
from couler_airflow.generating.task import Task, wait_for
from couler_airflow.generating.texts import Jinja, Text
from couler_airflow.legal import refusal
from couler_plugins.documents.mappings import reached
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Graph, GraphView, Reference, Step, needed, replace

JOIN = 10
"""So many tasks are waited for by each task of the next stage; more are joined by a task between them."""


@dataclass
class Called:
    """What became of a call.

    Attributes:
        step: the call.
        tasks: its tasks.
        last: those that nothing in it waits for.
        output: its outputs.
        possible: the outcomes that it can have.
        is_graph: whether it may have several tasks.
        end: the task that ends as a graph does that is called on a condition.
        beside: what also has to have ended before others start, and always succeeds.
    """

    step: Step
    tasks: list[Task]
    last: list[Task]
    output: Callable[[Reference], Text]
    possible: frozenset[str]
    is_graph: bool
    end: Task | None = None
    beside: list[Task] = field(default_factory=list)


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
        add: adds a task, under a name, for which others only wait.

    Attributes:
        called: what became of each step; whoever calls it fills that in.
        last: the steps so far that no other waits for.
    """

    def __init__(
        self, graph: Graph, incoming: Incoming, tasks: Sequence[Task], add: Callable[[str, Incoming], Task]
    ) -> None:
        self.called: dict[str, Called] = {}
        self._steps = {step.name: step for step in graph.steps}
        self._order = order_of(graph)
        self._stages = None if graph.stages is None else list(filter(None, graph.stages))
        self._first = incoming
        self._tasks = tasks
        self._add = add

    @property
    def last(self) -> list[Called]:
        ends = self._stages[-1:] if self._stages is not None else [self._order]
        waited_for = {need.step for step in self._steps.values() for need in needed(step.needs)}
        return [self.called[name] for names in ends for name in names if name not in waited_for]

    def starts(self) -> Iterator[tuple[Step, Incoming]]:
        """Each step with what it waits for; those before it have to be in `called` by then."""
        for name in self._order if self._stages is None else ():
            wanted = accepted(self._steps[name].needs, name)
            yield self._steps[name], self._incoming(wanted, name) if wanted.outcomes else self._first
        before: Sequence[str] = ()
        for number, stage in enumerate(self._stages or (), start=1):
            wanted = Accepted({other: FINE | set(self._steps[other].tolerates) & ENDS for other in before})
            own = self._incoming(wanted, stage[0]) if before else self._first
            if len(own.waits) > JOIN and len(stage) > 1:
                waits = [wait_for(self._add(f"stage-{number}", own), FINE)]
                own = Incoming(waits, rule_for(waits, stage[0]))
            yield from ((self._steps[name], own) for name in stage)
            before = stage

    def _incoming(self, wanted: Accepted, name: str) -> Incoming:
        waits: dict[int, Wait] = {}
        for other, outcomes in wanted.outcomes.items():
            call = self.called[other]
            waits |= {wait.task: wait for wait in self._waits(call, outcomes, name)}
            waits |= {task.number: wait_for(task, SUCCESS) for task in call.beside}
            if "failed" in call.step.tolerates and "failed" not in outcomes:
                raise refusal("Step.tolerates", other, f"may fail, and {name!r} does not start then")
        return self.joined([waits[number] for number in sorted(waits)], name, some=wanted.some)

    def joined(self, waits: Sequence[Wait], name: str, *, some: bool = False) -> Incoming:
        """What a step waits for, with tasks in between where it does not need the same of all steps before it."""

        def join(members: Sequence[Wait], rule: Rule) -> Wait:
            return wait_for(self._add(f"{name}-after", Incoming(list(members), rule)), SUCCESS)

        def before(wait: Wait) -> Sequence[Wait]:
            task = self._tasks[wait.task]
            if task.rule.name == SOME:
                raise refusal("Step.needs", name, "does not need the same of all steps before it")
            return task.waits

        try:
            return Incoming(list(waits), rule_for(waits, name, some=some))
        except Unsupported:
            if some:
                raise
            return Incoming(*alike(waits, name, before, join))

    def _waits(self, call: Called, outcomes: frozenset[str], name: str) -> list[Wait]:
        """The tasks to wait for so that a step has ended with one of these outcomes."""
        if call.possible <= outcomes:
            return [wait_for(task, ENDS) for task in self.ending(call.tasks if call.is_graph else call.last)]
        if not call.is_graph:
            return [wait_for(task, outcomes) for task in call.last]
        wanted = outcomes & call.possible
        if wanted not in (SUCCESS, FINE) or (wanted == SUCCESS and "skipped" in call.possible and call.end is None):
            raise refusal("Step.needs", name, f"needs more than the success of {call.step.name!r}, which is a graph")
        return [wait_for(call.end, wanted)] if call.end else [wait_for(task, FINE) for task in call.last]

    def ending(self, tasks: Sequence[Task]) -> list[Task]:
        """The tasks, and those before them: what is `upstream_failed` may end before what it waited for."""

        def before(number: int) -> Iterable[int]:
            task = self._tasks[number]
            return (wait.task for wait in task.waits) if "omitted" in task.possible else ()

        return [self._tasks[number] for number in reached((task.number for task in tasks), before)]


def wait_for_end(tasks: Sequence[Task], name: str) -> Incoming:
    """What a task waits for that ends as a graph does with these last tasks."""
    waits = [wait_for(task, FINE) for task in tasks]
    return Incoming(waits, rule_for(waits, name))


def without_steps(graph: Graph, names: Sequence[str]) -> Graph:
    """A graph without steps of these names, for which no other waits."""
    if late := [step.name for step in graph.steps if any(need.step in names for need in needed(step.needs))]:
        raise refusal("Graph.finalizers", late[0], "waits for what runs at the end")
    stages = graph.stages and tuple(tuple(name for name in stage if name not in names) for stage in graph.stages)
    steps = tuple(step for step in graph.steps if step.name not in names)
    return replace(graph, steps=steps, stages=stages, finalizers=())


def refused(reference: Reference) -> Text:
    """What an output of a step stands for that is refused: nothing else is to be refused for it."""
    return (Jinja(reference.name),)
