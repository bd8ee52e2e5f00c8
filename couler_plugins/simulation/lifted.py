"""A run from a workflow that has not run here: its steps by its graph, what they take by their profiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs import Profile
from couler_plugins.ir import Call, Workflow
from couler_plugins.ir.flat import FlatNode, flatten
from couler_plugins.runs import Run, StepRun
from couler_plugins.runs.identity import hash_of, key_of
from couler_plugins.runs.order import topological_order
from couler_plugins.runs.run import family_of


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
