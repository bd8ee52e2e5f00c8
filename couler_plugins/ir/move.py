"""Moves steps of a graph into a new graph that is called in their place, and finds what that changes in waiting."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from couler_plugins.errors import Unsupported
from couler_plugins.ir.base import replace
from couler_plugins.ir.boundary import Boundary
from couler_plugins.ir.edits import fresh_name, refuse_hidden_references, replace_callables
from couler_plugins.ir.ends import Ends, may_be_unmet, quiet_ends, strictly_needed
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
    names = frozenset(steps).intersection(step.name for step in graph.steps)
    moved = [step for step in graph.steps if step.name in names]
    stay = [step for step in graph.steps if step.name not in names]
    if new_graph in by_name:
        raise Unsupported(f"{new_graph!r} is taken", engine=workflow.engine, step=graph_name)
    inline = {step.name: inline_callees(step, by_name) for step in graph.steps}
    _refuse_graph(workflow, graph, moved, by_name)
    refuse_hidden_references(workflow, graph, tuple(callee for callees in inline.values() for callee in callees))
    outer = fresh_name(new_graph, {step.name for step in stay})

    view = GraphView(graph, by_name)
    ends = quiet_ends(view)
    entering = _entering_needs(workflow, graph, moved, names)
    _refuse_idle(workflow, graph, moved, names, view, ends)
    _refuse_left_out(workflow, graph, moved, stay, names, view)
    sure = strictly_needed(all_of(list(entering)))
    inner_ends = quiet_ends(view, only=names)
    boundary = Boundary(workflow.engine, graph, names, outer, inline, {**ends, **inner_ends}, sure)
    inner_steps = tuple(
        replace(map_references(step, boundary.inward), needs=_needs_within(step.needs, names)) for step in moved
    )
    outer_steps = [
        _needing(map_references(step, boundary.outward), workflow, graph, names, outer, inner_ends) for step in stay
    ]
    changed: dict[str, Graph | Operation] = {}
    for step in graph.steps:
        cross = boundary.inward if step.name in names else boundary.outward
        changed.update({callee.name: map_references(callee, cross) for callee in inline[step.name]})
    outside = map_references(replace(graph, steps=()), boundary.outward)

    call = Step(name=outer, call=Call(name=new_graph), arguments=boundary.arguments(), needs=all_of(list(entering)))
    first = next(number for number, step in enumerate(graph.steps) if step.name in names)
    position = sum(step.name not in names for step in graph.steps[:first])
    outer_steps.insert(position, call)
    changed[graph_name] = replaced = replace(outside, steps=tuple(outer_steps))
    inner = Graph(
        name=new_graph,
        steps=inner_steps,
        inputs=boundary.inputs(),
        outputs=boundary.outputs(),
        fail_fast=graph.fail_fast,
    )
    result = replace_callables(workflow, changed, [inner])
    if cycle := GraphView(replaced, callables(result)).cycle():
        raise Unsupported(
            f"a path leaves the steps to move and comes back: {' → '.join([*cycle, cycle[0]])}",
            engine=workflow.engine,
            step=graph_name,
            hint="move the steps between them as well",
        )
    return Move(result, new_graph, outer, tuple(_waits(graph, view, names)))


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
        "a setup or teardown step frames others": any(step.role != "normal" for step in moved),
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


def _refuse_idle(
    workflow: Workflow, graph: Graph, moved: list[Step], names: frozenset[str], view: GraphView, ends: Ends
) -> None:
    """Refuses where a moved step would not run any more, since another one waits in vain.

    A step that is omitted keeps those from running that need it; so only those need a look that need no other moved
    step. Where a failure stops nothing else, all that the new step waits for may be waited for in vain.
    """
    in_vain: dict[str, set[Needs | str]] = {}
    for step in moved:
        outside = {need for need in conjuncts(step.needs) if all(part.step not in names for part in needed(need))}
        in_vain[step.name] = {need for need in outside if may_be_unmet(need, ends)}
        if graph.fail_fast is False:
            in_vain[step.name] |= {name for name in view.predecessors(step.name) if name not in names}
    together: set[Needs | str] = set().union(*in_vain.values())
    for step in moved:
        led = any(_plain(need) and need.step in names for need in conjuncts(step.needs) if isinstance(need, Need))
        if not led and in_vain[step.name] != together:
            raise Unsupported(
                f"{step.name!r} runs even where another step to move waits in vain",
                engine=workflow.engine,
                step=f"{graph.name}/{step.name}",
                hint="move fewer steps, or what they wait for as well",
            )


def _refuse_left_out(
    workflow: Workflow, graph: Graph, moved: list[Step], stay: list[Step], names: frozenset[str], view: GraphView
) -> None:
    """Refuses where a step outside would not run any more, since a moved one that it does not need fails."""
    led = {need.step for step in moved for need in conjuncts(step.needs) if isinstance(need, Need) and _plain(need)}
    last = names - led
    for step in stay:
        if graph.fail_fast is not False and step.name not in graph.finalizers:
            continue
        after = any(name in names for name in view.predecessors(step.name))
        if after and not last.issubset(need.step for need in conjuncts(step.needs) if isinstance(need, Need)):
            raise Unsupported(
                f"{step.name!r} runs even where a step to move that it does not need fails",
                engine=workflow.engine,
                step=f"{graph.name}/{step.name}",
                hint="move that step as well, or fewer",
            )


def _needs_within(needs: Needs | None, names: frozenset[str]) -> Needs | None:
    inside = [need for need in conjuncts(needs) if all(part.step in names for part in needed(need))]
    return needs if len(inside) == len(conjuncts(needs)) else all_of(inside)


def _needing(step: Step, workflow: Workflow, graph: Graph, names: frozenset[str], outer: str, inner_ends: Ends) -> Step:
    """A step that stays, with its needs of moved steps turned into needs of the composite."""
    if not any(need.step in names for need in needed(step.needs)):
        return step

    def outward(need: Need) -> Need:
        if need.step not in names:
            return need
        if not _plain(need) or may_be_unmet(need, inner_ends):
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


def _waits(graph: Graph, view: GraphView, names: frozenset[str]) -> list[str]:
    """The steps that may start later than before."""
    before = {step.name: view.predecessors(step.name) for step in graph.steps}
    entering = dict.fromkeys(name for moved in names for name in before[moved] if name not in names)
    followed = {name for moved in names for name in before[moved]}
    after = [step.name for step in graph.steps if step.name not in names and not names.isdisjoint(before[step.name])]
    late = _lacking(view.order(), before, sorted(names - followed), after)
    late |= _lacking(view.order(), before, sorted(entering), names)
    return [step.name for step in graph.steps if step.name in late]


def _lacking(order: list[str], before: Mapping[str, list[str]], wanted: list[str], targets: Iterable[str]) -> set[str]:
    """The targets that do not come after all of `wanted`; sets of steps are bit masks, some thousand steps each."""
    open_targets, late = set(targets), set()
    for start in range(0, len(wanted), 4096):
        bit = {name: 1 << number for number, name in enumerate(wanted[start : start + 4096])}
        everything = (1 << len(bit)) - 1
        above: dict[str, int] = {}
        for name in order:
            mask = 0
            for previous in before[name]:
                mask |= above[previous] | bit.get(previous, 0)
            above[name] = mask
        late |= {name for name in open_targets if above[name] != everything}
        open_targets -= late
        if not open_targets:
            break
    return late
