"""What each step of a graph waits for, in terms of the tasks that its steps became."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from couler_airflow.generating.needs import ENDS, FINE, SUCCESS, Accepted, Rule, Wait, accepted, rule_for
from couler_airflow.generating.task import ALWAYS, Task, wait_for
from couler_airflow.generating.texts import Text
from couler_airflow.legal import refusal
from couler_plugins.ir import Graph, GraphView, Reference, Step, needed

__all__ = ["Called", "Incoming", "Order", "is_chain", "order_of"]

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
        self._graph = graph
        self._order = order_of(graph)
        self._first = incoming
        self._tasks = tasks
        self._waited_for: set[str] = set()

    @property
    def last(self) -> list[Called]:
        return [self.called[name] for name in self._order if name not in self._waited_for]

    def starts(self, join: Callable[[Incoming, int], Incoming]) -> Iterator[tuple[Step, Incoming]]:
        """Each step with what it waits for; those before it have to be in `called` by then.

        Args:
            join: adds one task that waits for what the nth stage waits for.
        """
        steps = {step.name: step for step in self._graph.steps}
        if self._graph.stages is None:
            for name in self._order:
                wanted = accepted(steps[name].needs, name)
                self._waited_for.update(wanted.outcomes)
                yield steps[name], self._incoming(wanted, name) if wanted.outcomes else self._first
            return
        before: tuple[str, ...] = ()
        for number, stage in enumerate(filter(None, self._graph.stages), start=1):
            wanted = Accepted({other: FINE | set(steps[other].tolerates) & ENDS for other in before})
            self._waited_for.update(before)
            own = self._incoming(wanted, stage[0]) if before else self._first
            if len(own.waits) > JOIN and len(stage) > 1:
                own = join(own, number)
            yield from ((steps[name], own) for name in stage)
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
        waiting = {task.number: task for task in tasks}
        pending = list(waiting.values())
        while pending:
            task = pending.pop()
            for wait in task.waits if "omitted" in task.possible else ():
                if wait.task not in waiting:
                    waiting[wait.task] = self._tasks[wait.task]
                    pending.append(self._tasks[wait.task])
        return list(waiting.values())
