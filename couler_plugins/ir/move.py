"""Moves steps of a graph into new graphs that are called in their place, and finds what that changes in waiting."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from couler_plugins.errors import Unsupported
from couler_plugins.ir.boundary import Boundary
from couler_plugins.ir.cut import OUTSIDE, Cut, is_plain
from couler_plugins.ir.edits import replace_callables
from couler_plugins.ir.ends import is_daemon, may_be_unmet, refuse_steps
from couler_plugins.ir.graph import GraphView
from couler_plugins.ir.needs import Need, Needs, all_of, conjuncts
from couler_plugins.ir.renames import refuse_hidden_references
from couler_plugins.ir.values import Reference, replace
from couler_plugins.ir.walk import callables, inline_callees, map_references
from couler_plugins.ir.workflow import Call, Graph, Operation, Step, Workflow


class Move(NamedTuple):
    """Result of a move.

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


class Moves(NamedTuple):
    """Result of several moves.

    Attributes:
        workflow: the new workflow.
        steps: the name of the step that calls each new graph, by the name of that graph.
    """

    workflow: Workflow
    steps: dict[str, str]


def move_into_graph(workflow: Workflow, graph_name: str, steps: Collection[str], new_graph: str) -> Move:
    """Moves steps into one new graph; see `move_into_graphs`."""
    graph = callables(workflow)[graph_name]
    assert isinstance(graph, Graph)
    if graph.stages is not None:
        reason = f"the steps of {graph_name!r} run in stages"
        raise Unsupported(reason, engine=workflow.engine, step=graph_name, hint="leave them where they are")
    moves = move_into_graphs(workflow, graph_name, {new_graph: steps})
    view = GraphView(graph, callables(workflow))
    return Move(moves.workflow, new_graph, moves.steps[new_graph], tuple(_waits(graph, view, frozenset(steps))))


def move_into_graphs(workflow: Workflow, graph_name: str, parts: Mapping[str, Collection[str]]) -> Moves:
    """Moves steps into new graphs, each called from where its steps were.

    Values that cross a boundary become inputs and outputs of the new graphs; conditions, loops, handlers and
    directives move along. It takes time linear in the size of the workflow, however many graphs there are.

    Args:
        workflow: the workflow.
        graph_name: the graph that the steps belong to.
        parts: the steps to move (at least one each, no step twice), by the name of the new graph that they move into;
            the step that calls it gets this name too, or one like it.

    Raises:
        Unsupported: the workflow would mean something else afterwards (the message says why).
    """
    by_name = callables(workflow)
    graph = by_name[graph_name]
    assert isinstance(graph, Graph)
    cut = Cut(workflow, graph, parts, by_name)
    inline = {step.name: inline_callees(step, by_name) for step in graph.steps}
    _refuse_names(cut, by_name)
    refuse_steps(workflow, graph, (step for new in parts for step in cut.members[new]), inline)
    _refuse_daemons(cut, by_name)
    refuse_hidden_references(workflow, graph, tuple(callee for callees in inline.values() for callee in callees))
    assert cut.outer_order  # refuses circles, whatever else is looked at
    for new in parts:
        _refuse_idle(cut, new)
    _refuse_left_out(cut)

    boundary = Boundary(cut, inline)
    changed: dict[str, Graph | Operation] = {}
    inner: dict[str, list[Step]] = {new: [] for new in parts}
    outer: dict[str, Step] = {}
    for step in graph.steps:
        place = cut.place(step.name)

        def cross(reference: Reference, place: str = place) -> Reference:
            return boundary.crossing(reference, place)

        crossed = map_references(step, cross)
        changed.update({callee.name: map_references(callee, cross) for callee in inline[step.name]})
        if place == OUTSIDE:
            outer[step.name] = replace(crossed, needs=_same_or(step.needs, cut.outer_needs[step.name]))
        else:
            inner[place].append(replace(crossed, needs=cut.inner_needs(step)))
            # The step that calls a new graph stands where the first of its steps was; what it is passed comes last.
            outer.setdefault(cut.callers[place], step)
    rest = map_references(replace(graph, steps=()), lambda reference: boundary.crossing(reference, OUTSIDE))
    for new, caller in cut.callers.items():
        needs = all_of(list(cut.outer_needs[caller]))
        outer[caller] = Step(name=caller, call=Call(name=new), arguments=boundary.arguments(new), needs=needs)
    order = tuple(dict.fromkeys(cut.seen(str(name)) for name in graph.targets))
    changed[graph_name] = replace(rest, steps=tuple(outer.values()), stages=cut.outer_stages, targets=order)
    added = [
        Graph(
            name=new,
            steps=tuple(steps),
            stages=cut.inner_stages(new),
            inputs=boundary.inputs(new),
            outputs=boundary.outputs(new),
            fail_fast=graph.fail_fast,
            targets=tuple(name for name in graph.targets if cut.place(str(name)) == new),
        )
        for new, steps in inner.items()
    ]
    return Moves(replace_callables(workflow, changed, added), dict(cut.callers))


def _same_or(needs: Needs | None, parts: tuple[Needs, ...]) -> Needs | None:
    """The needs as they were written, where they are still these."""
    return needs if conjuncts(needs) == parts else all_of(list(parts))


def _refuse_names(cut: Cut, by_name: Mapping[str, Graph | Operation]) -> None:
    for new in cut.callers:
        if not cut.members[new]:
            raise cut.refusal("no step to move", hint="name some")
        if new in by_name:
            raise cut.refusal(f"{new!r} is taken", hint="choose another name")


def _refuse_daemons(cut: Cut, by_name: Mapping[str, Graph | Operation]) -> None:
    """A daemon ends with its graph: it can move only with those that use it."""
    for new in cut.callers:
        for step in cut.members[new]:
            if is_daemon(step, by_name):
                users = cut.following(step.name)
                if not users or any(cut.place(name) != new for name in users):
                    raise cut.refusal(
                        "a daemon would end with the new graph", step.name, "move those that use it as well"
                    )


def _refuse_idle(cut: Cut, new: str) -> None:
    """Refuses where a moved step would not run any more, since another one waits in vain.

    A step that is omitted keeps those from running that need it; so only those need a look that need no other moved
    step. Where a failure stops nothing else, all that the new step waits for may be waited for in vain.
    """
    in_vain: dict[str, set[Needs | str]] = {}
    for step in cut.members[new]:
        outside = cut.entering[step.name]
        in_vain[step.name] = {need for need in outside if may_be_unmet(need, cut.outer_ends)}
        if cut.graph.fail_fast is False:
            before = cut.view.predecessors(step.name)
            in_vain[step.name] |= {cut.seen(name) for name in before if cut.place(name) != new}
    together: set[Needs | str] = set().union(*in_vain.values())
    for step in cut.members[new]:
        plain = (need for need in conjuncts(step.needs) if isinstance(need, Need) and is_plain(need))
        led = any(cut.place(need.step) == new for need in plain)
        if not led and in_vain[step.name] != together:
            reason = f"{step.name!r} runs even where another step to move waits in vain"
            raise cut.refusal(reason, step.name, hint="move fewer steps, or what they wait for as well")


def _refuse_left_out(cut: Cut) -> None:
    """Refuses where a step elsewhere would not run any more, since a moved one that it does not need fails."""
    last = {}
    for new in cut.callers:
        needs = [need for step in cut.members[new] for need in conjuncts(step.needs)]
        led = {need.step for need in needs if isinstance(need, Need) and is_plain(need)}
        last[new] = {step.name for step in cut.members[new]} - led
    for step in cut.graph.steps:
        if cut.graph.fail_fast is not False and step.name not in cut.graph.finalizers:
            continue
        needed = {need.step for need in conjuncts(step.needs) if isinstance(need, Need)}
        for new in {cut.place(name) for name in cut.view.predecessors(step.name)} - {OUTSIDE, cut.place(step.name)}:
            if not needed.issuperset(last[new]):
                reason = f"{step.name!r} runs even where a step to move that it does not need fails"
                raise cut.refusal(reason, step.name, hint="move that step as well, or fewer")


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
