"""Moves steps of a graph into a new graph that is called in their place, and finds what that changes in waiting."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from couler_plugins.errors import Unsupported
from couler_plugins.ir.base import replace
from couler_plugins.ir.boundary import Boundary
from couler_plugins.ir.edits import fresh_name, refuse_hidden_references, replace_callables
from couler_plugins.ir.graph import GraphView
from couler_plugins.ir.needs import Need, Needs, all_of, conjuncts, map_needs, needed
from couler_plugins.ir.walk import callables, inline_callees, map_references
from couler_plugins.ir.workflow import Call, Graph, Operation, Step, Workflow

__all__ = ["Move", "move_into_graph"]

ENDED_WELL = frozenset({"succeeded", "skipped", "daemoned"})
"""The outcomes that a step inside a composite and the composite itself have in common."""


class Move(NamedTuple):
    """What a move gives.

    Attributes:
        workflow: the new workflow.
        graph: the name of the new graph.
        step: the name of the step that calls it.
        waits: steps that may start later than before, since a composite is a barrier: those outside that needed only
            some of the moved steps, and those inside that needed only some of what the composite now needs.
    """

    workflow: Workflow
    graph: str
    step: str
    waits: tuple[str, ...]


def move_into_graph(workflow: Workflow, graph_name: str, steps: Collection[str], new_graph: str) -> Move:
    """Moves steps into a new graph, called from where they were.

    Values that cross the boundary become inputs and outputs of the new graph; conditions, loops, handlers and
    directives move along.

    Args:
        workflow: the workflow.
        graph_name: the graph that the steps belong to; one with needs, not stages.
        steps: the names of the steps to move (at least one).
        new_graph: the name of the new graph; the step that calls it gets this name too, or one like it.

    Raises:
        Unsupported: the workflow would mean something else afterwards (the message says why).
    """
    by_name = callables(workflow)
    graph = by_name[graph_name]
    assert isinstance(graph, Graph)
    moved = [step for step in graph.steps if step.name in steps]
    stay = [step for step in graph.steps if step.name not in steps]
    names = frozenset(step.name for step in moved)
    if new_graph in by_name:
        raise Unsupported(f"{new_graph!r} is taken", engine=workflow.engine, step=graph_name)
    inline = {step.name: inline_callees(step, by_name) for step in graph.steps}
    _refuse_graph(workflow, graph, moved, by_name)
    refuse_hidden_references(workflow, graph, tuple(callee for callees in inline.values() for callee in callees))
    outer = fresh_name(new_graph, {step.name for step in stay})

    boundary = Boundary(workflow.engine, graph, names, outer, inline)
    entering = _entering_needs(workflow, graph, moved, names)
    inner_steps = tuple(
        replace(map_references(step, boundary.inward), needs=_needs_within(step.needs, names)) for step in moved
    )
    outer_steps = [_needing(map_references(step, boundary.outward), workflow, graph, names, outer) for step in stay]
    changed: dict[str, Graph | Operation] = {}
    for step in graph.steps:
        cross = boundary.inward if step.name in names else boundary.outward
        changed.update({callee.name: map_references(callee, cross) for callee in inline[step.name]})
    outputs = map_references(graph.outputs, boundary.outward)

    call = Step(name=outer, call=Call(name=new_graph), arguments=boundary.arguments(), needs=all_of(list(entering)))
    first = next(number for number, step in enumerate(graph.steps) if step.name in names)
    position = sum(step.name not in names for step in graph.steps[:first])
    outer_steps.insert(position, call)
    changed[graph_name] = replace(graph, steps=tuple(outer_steps), outputs=outputs)
    inner = Graph(
        name=new_graph,
        steps=inner_steps,
        inputs=boundary.inputs(),
        outputs=boundary.outputs(),
        fail_fast=graph.fail_fast,
    )
    result = replace_callables(workflow, changed, [inner])
    if cycle := GraphView(changed[graph_name], by_name).cycle():  # type: ignore[arg-type]  # it is a Graph, see above
        raise Unsupported(
            f"a path leaves the steps to move and comes back: {' → '.join([*cycle, cycle[0]])}",
            engine=workflow.engine,
            step=graph_name,
            hint="move the steps between them as well",
        )
    return Move(result, new_graph, outer, tuple(_waits(graph, GraphView(graph, by_name), names)))


def _refuse_graph(workflow: Workflow, graph: Graph, moved: list[Step], by_name: dict[str, Graph | Operation]) -> None:
    daemons = [
        step.name
        for step in moved
        if isinstance(step.call, Call) and getattr(by_name.get(step.call.name), "daemon", False)
    ]
    regions = {name for region in graph.regions for name in region.steps}
    reasons = {
        "no step to move": not moved,
        f"the steps of {graph.name!r} run in stages": graph.stages is not None,
        f"{graph.name!r} asks for some of its steps only": bool(graph.targets),
        f"{graph.name!r} limits how many of its steps run at a time": graph.parallelism is not None,
        f"{graph.name!r} takes a lock": graph.locks is not None,
        "a daemon would end with the new graph": bool(daemons),
        "a finalizer runs after all steps of its graph": any(step.name in graph.finalizers for step in moved),
        "a region would be cut": bool(regions & {step.name for step in moved}),
    }
    for reason, holds in reasons.items():
        if holds:
            raise Unsupported(reason, engine=workflow.engine, step=graph.name)


def _plain(need: Needs) -> bool:
    """Whether a need is one that a composite can stand in for: the step has ended, and well."""
    return isinstance(need, Need) and "succeeded" in need.outcomes and ENDED_WELL.issuperset(need.outcomes)


def _entering_needs(workflow: Workflow, graph: Graph, moved: list[Step], names: frozenset[str]) -> Iterable[Needs]:
    """What the new step needs: all that the moved steps need from outside."""
    entering: dict[Needs, None] = {}
    for step in moved:
        for need in conjuncts(step.needs):
            inside = [part.step in names for part in needed(need)]
            if all(inside):
                continue
            if any(inside) or not _plain(need):
                raise Unsupported(
                    f"{step.name!r} depends on how a step outside ends, not only on its success",
                    engine=workflow.engine,
                    step=f"{graph.name}/{step.name}",
                    hint="move that step as well",
                )
            entering[need] = None
    return entering


def _needs_within(needs: Needs | None, names: frozenset[str]) -> Needs | None:
    inside = [need for need in conjuncts(needs) if all(part.step in names for part in needed(need))]
    return needs if len(inside) == len(conjuncts(needs)) else all_of(inside)


def _needing(step: Step, workflow: Workflow, graph: Graph, names: frozenset[str], outer: str) -> Step:
    """A step that stays, with its needs of moved steps turned into needs of the composite."""
    if not any(need.step in names for need in needed(step.needs)):
        return step
    by_step = {item.name: item for item in graph.steps}

    def outward(need: Need) -> Need:
        if need.step not in names:
            return need
        if not _plain(need) or not _ends_like_its_graph(by_step, need, names):
            raise Unsupported(
                f"{step.name!r} depends on how {need.step!r} ends, not only on its success",
                engine=workflow.engine,
                step=f"{graph.name}/{step.name}",
                hint="move that step as well",
            )
        return replace(need, step=outer)

    for part in conjuncts(step.needs):
        if not isinstance(part, Need) and any(need.step in names for need in needed(part)):
            raise Unsupported(
                f"{step.name!r} needs one of several steps",
                engine=workflow.engine,
                step=f"{graph.name}/{step.name}",
                hint="move that step as well",
            )
    return replace(step, needs=all_of([map_needs(part, outward) for part in conjuncts(step.needs)]))


def _ends_like_its_graph(by_step: dict[str, Step], need: Need, names: frozenset[str]) -> bool:
    """Whether the composite ends well exactly where this step and all others in it do, as far as `need` can tell."""
    pending, seen = [need], {need.step}
    while pending:
        current = pending.pop()
        step = by_step[current.step]
        if step.condition is not None and "skipped" not in current.outcomes:
            return False
        for part in conjuncts(step.needs):
            if not _plain(part):
                return False
            for inner in needed(part):
                if inner.step in names and inner.step not in seen:
                    seen.add(inner.step)
                    pending.append(inner)
    return True


def _waits(graph: Graph, view: GraphView, names: frozenset[str]) -> list[str]:
    """The steps that may start later than before; sets of steps are bit masks."""
    bit = {name: 1 << number for number, name in enumerate(step.name for step in graph.steps)}
    inside = sum(bit[name] for name in names)
    above: dict[str, int] = {}
    entering = 0
    for name in view.order():
        above[name] = 0
        for before in view.predecessors(name):
            above[name] |= above[before] | bit[before]
            if name in names and before not in names:
                entering |= bit[before]
    waits = []
    for step in graph.steps:
        direct = any(before in names for before in view.predecessors(step.name))
        if step.name in names:
            later = entering & ~above[step.name]
        else:
            later = direct and inside & ~above[step.name]
        if later:
            waits.append(step.name)
    return waits
