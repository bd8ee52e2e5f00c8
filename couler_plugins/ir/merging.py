"""Steps of a chain become one step, which calls an operation that does the work of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from couler_plugins.documents.mappings import by_key, reached
from couler_plugins.errors import Unsupported
from couler_plugins.ir.cut import is_plain
from couler_plugins.ir.edits import remove_callables, replace_callables
from couler_plugins.ir.ends import EMPTY, may_be_unmet, quiet_ends
from couler_plugins.ir.graph import GraphView
from couler_plugins.ir.needs import Need, all_of, conjuncts, map_needs, needed
from couler_plugins.ir.renames import refuse_hidden_references
from couler_plugins.ir.values import Reference, replace
from couler_plugins.ir.walk import call_sites, callables, inline_callees, map_references, references, written_inline
from couler_plugins.ir.workflow import Dynamic, Graph, Operation, Step, Workflow

Place = tuple[str, str, str]


class Merge(NamedTuple):
    """What a chain becomes.

    Attributes:
        steps: the names of its steps, in their order.
        step: what stands for them: a name that is free in the graph, a call of the operation, and its arguments.
        operation: what it calls, under a name that is free in the workflow.
        outputs: the kind and the name of its outputs, by the step, the kind and the name of theirs.
    """

    steps: tuple[str, ...]
    step: Step
    operation: Operation
    outputs: Mapping[Place, tuple[str, str]]


class Obstacle(NamedTuple):
    """What in the graph around keeps steps from being one.

    Attributes:
        rule: its name.
        reason: why, in half a sentence.
    """

    rule: str
    reason: str


class Surroundings:
    """What the steps of a graph are to each other, where some of them are to become one.

    Args:
        view: the graph.
    """

    def __init__(self, view: GraphView) -> None:
        self.view, self.graph = view, view.graph
        self._steps = {step.name: step for step in view.graph.steps}
        self._last = frozenset(view.graph.finalizers)

    @cached_property
    def links(self) -> Mapping[str, str]:
        """For each step the one that runs after it alone, see `GraphView.links`."""
        return dict(self.view.links())

    @cached_property
    def _ends(self) -> Mapping[str, frozenset[str]]:
        return quiet_ends(self.view)

    @cached_property
    def readers(self) -> Mapping[str, list[tuple[str, Reference]]]:
        """By step, what refers to it, with the step that does; an empty name stands for the graph itself."""
        graph = self.graph
        own = references((graph.outputs, graph.regions, graph.targets, graph.parallelism))
        inner = zip(graph.steps, self.view.references, strict=True)
        pairs = [("", item) for item in own] + [(step.name, item) for step, some in inner for item in some]
        return by_key((item.step, (name, item)) for name, item in pairs if item.step in self._steps)

    @cached_property
    def _waits(self) -> Mapping[str, list[tuple[str, Need, bool]]]:
        """By step, the needs of others that name it, and whether these have to be met whatever else holds."""
        return by_key(
            (need.step, (step.name, need, part is need))
            for step in self.graph.steps
            for part in conjuncts(step.needs)
            for need in needed(part)
        )

    @cached_property
    def _chosen(self) -> Mapping[str, frozenset[str]]:
        """By step, those that it may do without where they have failed: it runs then, and an expression looks."""
        runs_on = self.graph.fail_fast is False
        return {step.name: self.view.chosen(step) if runs_on else frozenset() for step in self.graph.steps}

    def around(self, name: str) -> Iterator[Obstacle]:
        """What keeps a step from being a part of any other."""
        step = self._steps[name]
        obstacles = {
            Obstacle("finalizer", "it runs after all others, whatever the outcome"): name in self._last,
            Obstacle("condition", "it runs on a condition"): step.condition is not None,
            Obstacle("loop", "it runs once for each item of a loop"): step.loop is not None,
            Obstacle("tolerates", "its graph goes on where it fails"): bool(step.tolerates),
            Obstacle("handlers", "something runs on its events"): bool(step.handlers),
            Obstacle("role", "it frames other steps"): step.role != "normal",
        }
        yield from (obstacle for obstacle, holds in obstacles.items() if holds)
        for reader, reference in self.readers.get(name, ()):
            if reference.to != "output" or not reference.name:
                what = reference.name or "status"
                yield Obstacle("status", f"{reader or self.graph.name!r} reads the {what} of it alone")
        for other, need, _ in self._waits.get(name, ()):
            if not is_plain(need):
                yield Obstacle("outcome", f"{other!r} depends on how it ends, not only on its success")

    def between(self, names: Sequence[str]) -> Iterator[Obstacle]:
        """What keeps steps that are linked one by one from being one, beside what keeps one alone from that."""
        last, inside = self._steps[names[-1]], set(names)
        for part in conjuncts(last.needs):
            others = {need.step for need in needed(part)} - inside
            if not is_plain(part):
                yield Obstacle("needs", f"{last.name!r} needs more than that others end well")
            elif others and may_be_unmet(part, self._ends):
                yield Obstacle("needs", f"{last.name!r} does not run where {min(others)!r} did not, and others do")
        sure = {part.step for part in conjuncts(last.needs) if isinstance(part, Need) and part.step in inside}
        for name in self.view.reads[last.name]:
            if name not in sure and self._ends.get(name, frozenset()) - {EMPTY}:
                yield Obstacle("needs", f"{last.name!r} reads {name!r}, which may not have run")
        if self.graph.fail_fast is False:  # then others run where one has failed
            if not self._is_after(last.name, names[-2]):
                yield Obstacle("needs", f"{last.name!r} may run where {names[-2]!r} has failed")
            outside = {*self.view.reads[last.name], *(need.step for need in needed(last.needs))} - inside
            if lost := [name for name in sorted(outside) if not self._is_after(names[0], name)]:
                yield Obstacle(
                    "needs", f"{names[0]!r} may run where {lost[0]!r} has failed, and {last.name!r} does not"
                )
        regions = [{region.name for region in self.graph.regions if name in region.steps} for name in names]
        if regions[-1] != regions[0]:
            yield Obstacle("region", f"{names[0]!r} and {last.name!r} are in different groups of steps")
        for name in names[:-1]:
            if name in self.graph.targets:
                yield Obstacle("target", f"a run may end with {name!r}")
            waits = [(other, is_sure) for other, _, is_sure in self._waits.get(name, ())]
            for other, is_sure in [*waits, *((other, True) for other, _ in self.readers.get(name, ()))]:
                if other in self._last:
                    yield Obstacle("finalizer", f"{other!r} reads {name!r} also where {last.name!r} has failed")
                elif other and other not in inside and not (is_sure and self._is_after(other, last.name)):
                    yield Obstacle("order", f"{other!r} uses {name!r}, and need not wait for {last.name!r}")

    def _is_after(self, name: str, other: str) -> bool:
        """Whether a step never runs where another one has not ended well before."""
        staged = self.graph.stages is not None and self.graph.fail_fast is not False
        return staged or other in reached([name], self._needed_surely)

    def _needed_surely(self, name: str) -> list[str]:
        needs = [part.step for part in conjuncts(self._steps[name].needs) if isinstance(part, Need) and is_plain(part)]
        return [*needs, *(one for one in self.view.reads[name] if one in self._steps and one not in self._chosen[name])]


def merge_steps(workflow: Workflow, graph_name: str, merges: Sequence[Merge]) -> Workflow:
    """Return `workflow` with chains of a graph replaced by single steps, in one batch.

    A new step stands where the first of its chain was, and starts when that did: all that the others waited for, it
    waited for as well. Whoever waited for one of them waits for the new step, and reads its outputs. Operations that
    nothing calls any more go, but for those that others can call by name.

    Args:
        workflow: the workflow.
        graph_name: the graph that the steps belong to.
        merges: the chains; no step is in two of them.

    Raises:
        Unsupported: steps are no chain, something else of them is read than an output that is kept, or an expression
            chooses a step when it runs.
    """
    by_name = callables(workflow)
    graph = by_name[graph_name]
    assert isinstance(graph, Graph)
    scope = Surroundings(GraphView(graph, written_inline(by_name)))
    names = {name: merge for merge in merges for name in merge.steps}
    for merge in merges:
        linked = all(scope.links.get(one) == two for one, two in pairwise(merge.steps))
        parts = [merge.steps[: end + 1] for end in range(1, len(merge.steps))] if linked else []
        obstacles = [item for name in merge.steps for item in scope.around(name)]
        for obstacle in (*obstacles, *(item for part in parts for item in scope.between(part))):
            raise _refusal(workflow, graph, merge, obstacle.reason)
        if not linked:
            raise _refusal(workflow, graph, merge, "they do not run one after the other")
    stay = [step for step in graph.steps if step.name not in names]
    inline = {callee.name: callee for step in stay for callee in inline_callees(step, by_name)}
    refuse_hidden_references(workflow, graph, tuple(inline.values()), (merge.step.name for merge in merges))

    def redirected(reference: Reference) -> Reference:
        merge = names.get(reference.step)
        if merge is None:
            return reference
        place = (reference.step, reference.kind, reference.name)
        if place not in merge.outputs:
            raise _refusal(workflow, graph, merge, f"the {reference.name} of {reference.step!r} would be lost")
        kind, name = merge.outputs[place]
        return replace(reference, step=merge.step.name, kind=kind, name=name, native="")

    def renamed(need: Need) -> Need:
        return replace(need, step=names[need.step].step.name) if need.step in names else need

    def changed(step: Step) -> Step:
        needs = step.needs and map_needs(step.needs, renamed)
        step = map_references(step, redirected)
        return step if needs is step.needs else replace(step, needs=all_of([*conjuncts(needs)]))

    def merged(old: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names[name].step.name if name in names else name for name in old))

    def stays(name: str) -> bool:
        return name not in names or names[name].steps[0] == name

    firsts = [step for step in graph.steps if stays(step.name)]
    steps = [replace(names[one.name].step, needs=one.needs) if one.name in names else one for one in firsts]
    rest = map_references(replace(graph, steps=()), redirected)
    new = replace(
        rest,
        steps=tuple(changed(step) for step in steps),
        stages=graph.stages and tuple(merged(stage) for stage in graph.stages if not stage or stays(stage[0])),
        regions=tuple(replace(region, steps=merged(region.steps)) for region in rest.regions),
        targets=tuple(merged([item])[0] if isinstance(item, str) else item for item in rest.targets),
    )
    bodies = {name: map_references(callee, redirected) for name, callee in inline.items()}
    added = [map_references(item, redirected) if item.inline else item for _, _, item, _ in merges]
    gone = {getattr(step.call, "name", "") for step in graph.steps if step.name in names}
    return _without_unused(replace_callables(workflow, {**bodies, graph_name: new}, added), gone)


def _without_unused(workflow: Workflow, names: set[str]) -> Workflow:
    """The workflow without those of some operations that nothing calls, and that nobody else can call."""
    calls = [site.step.call for site in call_sites(workflow)]
    used = {getattr(call, "name", "") for call in calls}
    is_open = workflow.library or any(isinstance(call, Dynamic) for call in calls)
    unused = [item.name for item in workflow.operations if item.name in names - used and (item.inline or not is_open)]
    return remove_callables(workflow, unused)


def _refusal(workflow: Workflow, graph: Graph, merge: Merge, reason: str) -> Unsupported:
    step = f"{graph.name}/{merge.step.name}"
    message = f"{', '.join(merge.steps)} cannot become one step: {reason}"
    return Unsupported(message, engine=workflow.engine, step=step, hint="leave them as they are")
