"""What a workflow would run: its tasks, what each takes, and what each waits for.

A run from a workflow that has not run here: its steps by its graph, what they take by their profiles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs import Profile
from couler_plugins.ir import Call, FlatNode, Workflow, flatten
from couler_plugins.runs import Run, StepRun, family_of, hash_of, key_of, median
from couler_plugins.runs.order import topological_order


def run_of_workflow(workflow: Workflow, profile: Callable[[str], Profile]) -> Run:
    """The run that a workflow would be.

    Args:
        workflow: the workflow.
        profile: what is known of a step by its name, `graph/step`.

    Raises:
        Unsupported: the workflow is no flat graph: recursion, or a loop or a condition on a composite step.
        InvalidInput: nothing is known of any step.
    """
    flat = flatten(workflow)
    nodes: list[FlatNode] = list(flat.nodes())
    parents = [set(flat.predecessor_indices(number)) for number in range(len(nodes))]
    names = profile_names(workflow, nodes)
    steps: list[StepRun] = []
    above: dict[int, frozenset[int]] = {}
    """What each node stands for to those after it: its own step, or at a junction, the steps before it."""
    ancestors: list[int] = []
    """Of each step, as bits."""
    for number in topological_order(parents):
        node = nodes[number]
        if node.step is None:
            above[number] = frozenset().union(*(above[parent] for parent in parents[number]))
            continue
        above[number] = frozenset([len(steps)])
        own = {place for parent in parents[number] if nodes[parent].step is not None for place in above[parent]}
        waits = {place for parent in parents[number] if nodes[parent].step is None for place in above[parent]}
        earlier = reduce(or_, (ancestors[place] for place in own | waits), 0)
        # Whoever waits at a junction waits for all before it, but reads only from the last of them.
        places = tuple(sorted(own | {place for place in waits if not earlier >> place & 1}))
        ancestors.append(earlier | sum(1 << place for place in own | waits))
        spec = hash_of(["/".join(node.place)])
        profile_of = profile(names[number])
        daemon = node.operation is not None and node.operation.daemon
        steps.append(
            StepRun(
                step="/".join(node.place[1:]) or node.place[0],
                type=node.operation.name if node.operation else node.step.name,
                spec=spec,
                key=key_of(spec, [steps[place].key for place in places]),
                parents=places,
                seconds=0.0 if daemon else _times(profile_of.seconds, node, profile_of),
                bytes=0 if daemon else _whole(_times(profile_of.output_bytes, node, profile_of)),
                memory=profile_of.memory,
                artifact=not daemon,
            )
        )
    if all(step.seconds is None for step in steps if step.artifact):
        hint = "give past runs with --history: traces (WfFormat), or workflows with their engine's status"
        raise InvalidInput(f"the times of the steps of {workflow.label} are not known", hint=hint)
    return Run(family=family_of(workflow), steps=tuple(steps))


def profile_names(workflow: Workflow, nodes: Sequence[FlatNode]) -> dict[int, str]:
    """How profiles name the steps of a flat workflow, by the position of their nodes; junctions have no name."""
    scopes = _scopes(workflow)
    return {number: _name(node, scopes) for number, node in enumerate(nodes) if node.step is not None}


def _times(figure: float | None, node: FlatNode, past: Profile) -> float | None:
    """A figure of one item, for all of the step's loop; None where nobody knows how many these are."""
    if figure is None or node.step is None or node.step.loop is None:
        return figure
    return None if past.instances is None else figure * past.instances


def _whole(figure: float | None) -> int | None:
    return None if figure is None else round(figure)


def _scopes(workflow: Workflow) -> dict[tuple[str, str], str]:
    """The graph that each step (of a graph, by name) calls, if it calls one."""
    graphs = {graph.name for graph in workflow.graphs}
    return {
        (graph.name, step.name): step.call.name
        for graph in workflow.graphs
        for step in graph.steps
        if isinstance(step.call, Call) and step.call.name in graphs
    } | {("", step.name): step.call.name for step in filter(None, [workflow.entry]) if isinstance(step.call, Call)}


def _name(node: FlatNode, scopes: dict[tuple[str, str], str]) -> str:
    """How profiles name a step: by the graph that it is in, or as the operation that is the whole workflow."""
    scope = ""
    for name in node.place[:-1]:
        scope = scopes[scope, name]
    return f"{scope}/{node.place[-1]}" if scope else scopes.get(("", node.place[-1]), node.place[-1])


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
