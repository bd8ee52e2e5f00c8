"""What a workflow would run: its tasks, what each takes, and what each waits for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from couler_plugins.hookspecs import Profile
from couler_plugins.ir import Workflow
from couler_plugins.ir.flat import FlatNode, flatten
from couler_plugins.runs.order import topological_order
from couler_plugins.runs.run import median
from couler_plugins.simulation.lifted import profile_names

GUESS = 60.0
"""Seconds that a step counts as where nothing is known of any."""


@dataclass(frozen=True)
class Planned:
    """The tasks of a workflow, each after those that it waits for.

    Lists are by the number of the task; a loop has one for each item, as far as the number of these is known.

    Attributes:
        steps: the step of the entry's graph that each belongs to; empty for what belongs to none.
        seconds: what each takes; 0 for a junction, at which others wait for each other.
        parents: those that each waits for, all with smaller numbers.
        junctions: the tasks that are junctions.
        call_sites: how many call sites there are.
        unknown: how many of them take nobody knows how long; they count as `guess`.
        guess: seconds; the median of those that are known.
        endless: how many loops have nobody knows how many items; they count as one.
    """

    steps: Sequence[str]
    seconds: Sequence[float]
    parents: Sequence[Sequence[int]]
    junctions: frozenset[int]
    call_sites: int
    unknown: int
    guess: float
    endless: int

    @property
    def work(self) -> float:
        """The seconds of all tasks."""
        return sum(self.seconds)


def planned(workflow: Workflow, profile: Callable[[str], Profile]) -> Planned:
    """The tasks that a workflow would run.

    Args:
        workflow: the workflow.
        profile: what is known of a step by its name, `graph/step`.

    Raises:
        Unsupported: the workflow is no flat graph: recursion, or a loop or a condition on a composite step.
    """
    flat = flatten(workflow)
    nodes = list(flat.nodes())
    profiles = {node: profile(name) for node, name in profile_names(workflow, nodes).items()}
    guess = median([found.seconds for found in profiles.values() if found.seconds is not None] or [GUESS])
    above = [set(flat.predecessor_indices(number)) for number in range(len(nodes))]
    tasks = _Tasks()
    last: dict[int, int] = {}
    """Of each node, the task after which those behind it may start."""
    for number in topological_order(above):
        waits = sorted({last[parent] for parent in above[number]})
        if number in profiles:
            last[number] = tasks.add_runs(nodes[number], profiles[number], guess, waits)
        else:
            last[number] = tasks.add(nodes[number], None, waits)
    loops = [found.instances for number, found in profiles.items() if _loops(nodes[number])]
    return Planned(
        steps=tasks.steps,
        seconds=tasks.seconds,
        parents=tasks.parents,
        junctions=frozenset(tasks.junctions),
        call_sites=len(profiles),
        unknown=sum(found.seconds is None for found in profiles.values()),
        guess=guess,
        endless=loops.count(None),
    )


class _Tasks:
    """Tasks so far."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.seconds: list[float] = []
        self.parents: list[Sequence[int]] = []
        self.junctions: set[int] = set()

    def add(self, node: FlatNode, seconds: float | None, waits: Sequence[int]) -> int:
        """Adds a task, or without seconds a junction; returns its number."""
        # The junctions of the entry's own graph are in no step of it.
        inside = len(node.place) > (2 if node.step is None else 1)
        number = len(self.steps)
        self.steps.append(node.place[1] if inside else "")
        self.seconds.append(seconds or 0.0)
        self.parents.append(waits)
        if seconds is None:
            self.junctions.add(number)
        return number

    def add_runs(self, node: FlatNode, past: Profile, guess: float, waits: Sequence[int]) -> int:
        """Adds the runs of a step, with a junction after them where they are several; returns the last of these."""
        # Who waits for a daemon waits for its start only.
        daemon = node.operation is not None and node.operation.daemon
        took = 0.0 if daemon else guess if past.seconds is None else past.seconds
        items = max(1, round(past.instances)) if _loops(node) and past.instances is not None else 1
        runs = [self.add(node, took, waits) for _ in range(items)]
        return runs[0] if items == 1 else self.add(node, None, runs)


def _loops(node: FlatNode) -> bool:
    return node.step is not None and node.step.loop is not None
