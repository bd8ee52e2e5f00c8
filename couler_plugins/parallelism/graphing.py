"""A graph of a workflow as partitioners see it: numbered steps with what each takes, and what crosses between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from couler_plugins.hookspecs import Context, Profile
from couler_plugins.hookspecs.dag import Dag
from couler_plugins.hookspecs.splitting import Splitting
from couler_plugins.ir import Graph, GraphView, Reference, Workflow, callables, graph_of, inline_callees, references
from couler_plugins.runs.run import median

MINUTE = 60.0
"""Seconds that a step counts as where nothing is known of any."""


class Graphed(NamedTuple):
    """A graph as partitioners see it.

    Attributes:
        dag: its steps; one whose pods only the run can tell counts as one pod, one whose time is not known takes the
            median of the others.
        unknown_pods: the steps of which only the run can tell how many pods they start.
        unknown_seconds: how many steps' times are not known.
        stages: the numbers of the steps of each stage; None where only what steps need counts.
    """

    dag: Dag
    unknown_pods: tuple[str, ...]
    unknown_seconds: int
    stages: tuple[tuple[int, ...], ...] | None = None


def graphed(workflow: Workflow, facet: Splitting, ctx: Context, seconds_of: Mapping[str, float]) -> Graphed:
    """The graph that is to be cut.

    Args:
        workflow: whose graph it is.
        facet: what its engine knows of it.
        ctx: where the times of steps come from.
        seconds_of: the times of steps that are parts of an earlier cut, in seconds.

    Raises:
        InvalidInput: its steps wait for each other in a circle.
    """
    by_name = callables(workflow)
    graph = graph_of(workflow, facet.graph)
    view = GraphView(graph, by_name)
    last = set(graph.finalizers)  # they are in no part: who makes the parts says where they go
    steps = tuple(step for step in graph.steps if step.name not in last)
    number = {step.name: at for at, step in enumerate(steps)}
    loads = [facet.load(step) for step in steps]
    profiled = (ctx.profile(workflow, f"{graph.name}/{step.name}").seconds for step in steps)
    durations = [seconds_of.get(step.name, seconds) for step, seconds in zip(steps, profiled, strict=True)]
    usual = median([seconds for seconds in durations if seconds is not None] or [MINUTE])
    exports, imports = [0] * len(number), [0] * len(number)
    for value in _values_between(graph, number, {step.name: inline_callees(step, by_name) for step in graph.steps}):
        crossing, read = facet.crossing(value, _size(ctx.profile(workflow, f"{graph.name}/{value.step}")))
        exports[number[value.step]] += crossing
        imports[number[value.step]] += read
    shares, weights, alone = _shared([load.called for load in loads])
    dag = Dag.of(
        [step.name for step in steps],
        [[number[name] for name in view.predecessors(step.name)] for step in steps],
        [usual if seconds is None else seconds for seconds in durations],
        bytes=[load.bytes + more for load, more in zip(loads, alone, strict=True)],
        pods=[1 if load.pods is None else load.pods for load in loads],
        exports=exports,
        imports=imports,
        wrapper=facet.wrapper.bytes,
        shares=shares,
        weights=weights,
    )
    unsaid = tuple(step.name for step, load in zip(steps, loads, strict=True) if load.pods is None)
    return Graphed(dag, unsaid, sum(seconds is None for seconds in durations), _stages(graph, dag))


def _size(profile: Profile) -> int | None:
    """The bytes of all outputs of a step, those of all items of its loop."""
    size = profile.output_bytes
    return None if size is None else round(size * (profile.instances or 1))


def _stages(graph: Graph, dag: Dag) -> tuple[tuple[int, ...], ...] | None:
    if graph.stages is None:
        return None
    place = {name: at for at, name in enumerate(dag.names)}
    return tuple(tuple(place[name] for name in stage) for stage in graph.stages)


def _shared(called: Sequence[Mapping[str, int]]) -> tuple[list[tuple[int, ...]], list[int], list[int]]:
    """What steps call in common, as pieces; what only one step calls is its own.

    Returns:
        The pieces of each step, the bytes of each piece, and of each step the bytes of what nobody else calls.
    """
    users: dict[str, list[int]] = {}
    sizes: dict[str, int] = {}
    for step, some in enumerate(called):
        sizes.update(some)
        for name in some:
            users.setdefault(name, []).append(step)
    alone = [0] * len(called)
    pieces: dict[tuple[int, ...], int] = {}
    """What the same steps call is one piece."""
    for name, steps in users.items():
        if len(steps) == 1:
            alone[steps[0]] += sizes[name]
        else:
            pieces[tuple(steps)] = pieces.get(tuple(steps), 0) + sizes[name]
    shares: list[list[int]] = [[] for _ in called]
    for piece, together in enumerate(pieces):
        for step in together:
            shares[step].append(piece)
    return [tuple(some) for some in shares], list(pieces.values()), alone


def _values_between(graph: Graph, number: dict[str, int], inline: dict[str, tuple[object, ...]]) -> set[Reference]:
    """Each value of a step that another one reads, or that the graph hands out."""
    places = [(step.name, (step, inline[step.name])) for step in graph.steps]
    return {
        Reference(to="output", step=reference.step, kind=reference.kind, name=reference.name)
        for name, content in [*places, ("", graph.outputs)]
        for reference in references(content)
        if reference.to == "output" and reference.step in number and reference.step != name
    }
