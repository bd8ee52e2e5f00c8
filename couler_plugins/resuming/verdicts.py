"""Which steps of a run are done for good, which run again and why, and which are resumed inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import starmap
from typing import Literal as OneOf
from typing import NamedTuple

from couler_plugins.hookspecs.resuming import Ended, PastRun
from couler_plugins.ir import (
    ANY_STEP,
    Graph,
    GraphView,
    Node,
    Operation,
    Output,
    Step,
    Workflow,
    callables,
    callee_of,
    callees_of,
    inline_callees,
    needed,
    references,
    replace,
)
from couler_plugins.ir.ends import is_daemon
from couler_plugins.ir.walk import written_inline
from couler_plugins.resuming.comparison import bare_graph, bare_step, program_of, run_variables, unfinished
from couler_plugins.resuming.inlining import LackingError, inlined, needs_left

Callables = Mapping[str, Graph | Operation]
RUNS_AGAIN = {"failed": "it failed", "errored": "it failed", "running": "it had not ended"}


class Verdict(NamedTuple):
    """What becomes of one step.

    Attributes:
        place: the names of the steps from the entry's graph down to it.
        action: it is done and leaves the graph, it runs (again), or what it calls is resumed inside.
        reason: why, in half a sentence.
    """

    place: tuple[str, ...]
    action: OneOf["done", "again", "inside"]
    reason: str = ""


@dataclass
class Resumption:
    """What becomes of the steps of one graph.

    Attributes:
        graph: as it stands in the new workflow.
        place: of the step that calls it; empty for the entry's.
        serving: its daemons that were ready; what they served need not run again when they do.
        done: what leaves it, and how that ended.
        again: what runs, by name, and why.
        inside: what is resumed inside, by the name of the step that calls it.
    """

    graph: Graph
    place: tuple[str, ...]
    serving: frozenset[str]
    done: dict[str, Ended] = field(default_factory=dict)
    again: dict[str, str] = field(default_factory=dict)
    inside: dict[str, Resumption] = field(default_factory=dict)

    @cached_property
    def stage_of(self) -> dict[str, int]:
        """The number of the stage of each step, where the graph has any."""
        return {name: number for number, stage in enumerate(self.graph.stages or ()) for name in stage}

    @property
    def first_open(self) -> str:
        """What runs first of all; daemons are left out."""
        firsts = (next((name for name in one if name not in self.serving), "") for one in (self.again, self.inside))
        return min(filter(None, firsts), key=lambda name: self.stage_of.get(name, 0), default="")

    def verdicts(self) -> Iterator[Verdict]:
        """What becomes of each step, in the order of the source."""
        for step in self.graph.steps:
            place = (*self.place, step.name)
            if step.name in self.inside:
                yield Verdict(place, "inside")
                yield from self.inside[step.name].verdicts()
            elif step.name in self.again:
                yield Verdict(place, "again", self.again[step.name])
            else:
                yield Verdict(place, "done", self.done[step.name].outcome)


class Judgement:
    """Decides for the graphs of one workflow.

    Args:
        workflow: what is to run.
        original: what ran.
        past: how its steps ended.
    """

    def __init__(self, workflow: Workflow, original: Workflow, past: PastRun) -> None:
        self._new, self._old = callables(workflow), callables(original)
        self._inline = written_inline(self._new)
        self._past, self._parents = past, {place[:-1] for place in past.steps}
        self._changed = "" if past.settings(workflow) == past.settings(original) else "settings of all steps changed"

    def of_graph(self, name: str, old: str, place: tuple[str, ...] = (), around: tuple[str, ...] = ()) -> Resumption:
        """What becomes of the steps of a graph, and of those inside.

        Args:
            name, old: what the graph is called, and was called.
            place: of the step that calls it.
            around: the graphs that it is in.
        """
        graph, before = self._new[name], self._old.get(old)
        assert isinstance(graph, Graph)
        reason = self._changed or _untouchable(graph)
        if not isinstance(before, Graph) or not self._alike(bare_graph(before), bare_graph(graph)):
            reason = "what its graph takes or gives was changed"
        view = GraphView(graph, self._inline)
        steps = {step.name: step for step in graph.steps}
        was = {step.name: step for step in before.steps} if isinstance(before, Graph) else {}
        targets = [target for target in graph.targets if isinstance(target, str)]
        wanted = {one for target in targets for one in (target, *view.ancestors(target))}
        lacking: dict[str, str] = {}
        while True:
            item = Resumption(graph, place, self._serving(graph, place))
            for each in view.order():
                if wanted and each not in wanted:
                    item.done[each] = Ended(outcome="omitted")
                    continue
                self._decide(item, steps[each], was.get(each), view, reason or lacking.get(each, ""), around)
            more = {name: why for name, why in self._lacking(item, view) if name not in item.again}
            if more.keys() <= lacking.keys():
                return item
            lacking |= more

    def _decide(
        self,
        item: Resumption,
        step: Step,
        old: Step | None,
        view: GraphView,
        reason: str,
        around: tuple[str, ...],
    ) -> None:
        """Puts a step where it belongs; those before it are there already."""
        name, place = step.name, (*item.place, step.name)
        ended = self._past.steps.get(place)
        open_before = [
            other for other in view.predecessors(name) if other not in item.done and other not in item.serving
        ]
        if not open_before and (first := item.first_open) and item.stage_of.get(first, 0) < item.stage_of.get(name, 0):
            open_before = [first]
        if not reason and needs_left(step.needs, item.done) is False:
            item.done[name] = ended if ended and ended.outcome == "omitted" else Ended(outcome="omitted")
            return
        behind = f"it comes after {open_before[0]}" if open_before else ""
        if name in item.graph.finalizers:
            reason = "it runs at the end of every run"
        elif old is None:
            reason = "it is new"
        elif ended is None or (ended.outcome == "omitted" and (behind or step.needs != old.needs)):
            reason = "it was not reached"
        elif not reason:
            reason = self._changes(step, old)
        if reason or ended is None or old is None:
            item.again[name] = reason
            return
        callee, was = callee_of(step, self._new), callee_of(old, self._old)
        plain = step.loop is None and place in self._parents and not behind
        inner = None
        if isinstance(callee, Graph) and isinstance(was, Graph) and plain and not callee.inline:
            inner = (
                self.of_graph(callee.name, was.name, place, (*around, callee.name))
                if callee.name not in around
                else None
            )
        if inner is not None and (inner.again or inner.inside or ended.outcome != "succeeded"):
            if inner.inside or (inner.again and inner.done):
                item.inside[name] = inner
            else:
                item.again[name] = next(iter(inner.again.values()), "it failed")
            return
        ended_badly = RUNS_AGAIN.get(ended.outcome, "")
        if ended_badly and step.loop is not None:
            ended_badly += ", and a loop runs again as a whole"
        pairs = [(step, old), *((a.step, b.step) for a, b in zip(step.handlers, old.handlers, strict=False))]
        changed = "" if all(starmap(self._same_callee, pairs[inner is not None :])) else "its program was changed"
        reason = ended_badly or changed or unfinished(step, ended, self._past) or self._exporting(step) or behind
        if reason:
            item.again[name] = reason
        else:
            item.done[name] = ended

    def _lacking(self, item: Resumption, view: GraphView) -> Iterator[tuple[str, str]]:
        """What has to run again for those that run, and why."""
        running = [step for step in item.graph.steps if step.name not in item.done]
        mentioned = {step.name: run_variables(step, self._new, self._past) for step in item.graph.steps}
        for step in running:
            reads = mentioned[step.name] and step.name not in item.graph.finalizers
            for name in run_variables(step, self._new, self._past, outputs=False) if reads else ():
                others = [other for other, names in mentioned.items() if name in names and other != step.name]
                yield from ((one, f"it shares {name} with {step.name} (the new run has another)") for one in others)
            for part in (step, *inline_callees(step, self._new)):
                try:
                    inlined(part, item.done, self._past)
                except LackingError as error:
                    yield error.step, f"{step.name} reads {error.what}"
            if needs_left(step.needs, item.done) is False:  # it was left out, and somebody asks how it ended
                waited = [need.step for need in needed(step.needs) if need.step in item.done]
                yield from ((name, f"{step.name} waits for its end") for name in waited)
            gone = self._gone(step)
            for other in [one for one in item.graph.steps if one is not step] if gone else ():
                for shared in gone.keys() & self._gone(other).keys():
                    yield other.name, f"it shares {shared} with {step.name} ({gone[shared]})"
            before = view.ancestors(step.name) if item.serving else ()
            for name in item.serving:
                if name in before or item.stage_of.get(name, 0) < item.stage_of.get(step.name, 0):
                    yield name, f"it serves {step.name}"
        if running:
            try:
                exported(item.graph, item.done, self._past)
            except LackingError as error:
                yield error.step, f"its graph gives {error.what}"

    def _gone(self, step: Step) -> Mapping[str, str]:
        return self._past.gone(step, callees_of([step], self._new).values())

    def _serving(self, graph: Graph, place: tuple[str, ...]) -> frozenset[str]:
        """The daemons of a graph that were ready: what they served is done, and they run again for others only."""
        names = [step.name for step in graph.steps if is_daemon(step, self._new)]
        ends = {name: self._past.steps.get((*place, name)) for name in names}
        return frozenset(name for name, end in ends.items() if end and end.outcome in ("succeeded", "daemoned"))

    def _alike(self, new: Node, old: Node) -> bool:
        return new == old or self._past.plain(new) == self._past.plain(old)

    def _changes(self, step: Step, old: Step) -> str:
        return "" if self._alike(bare_step(step), bare_step(old)) else "its call was changed"

    def _same_callee(self, step: Step, old: Step) -> bool:
        """Whether two steps call the same, however that is named, all the way down."""
        new, before = (list(callees_of([one], among).values()) for one, among in ((step, self._new), (old, self._old)))
        return len(new) == len(before) and all(map(self._same, new, before))

    def _same(self, new: Graph | Operation, old: Graph | Operation) -> bool:
        if isinstance(new, Graph) and isinstance(old, Graph):
            pairs = zip(new.steps, old.steps, strict=False)
            same = len(new.steps) == len(old.steps) and new.stages == old.stages
            return (
                same
                and self._alike(bare_graph(new), bare_graph(old))
                and not any(self._changes(*pair) or pair[0].needs != pair[1].needs for pair in pairs)
            )
        return (
            isinstance(new, Operation) and isinstance(old, Operation) and self._alike(program_of(new), program_of(old))
        )

    def _exporting(self, step: Step) -> str:
        """Whether a step gives the whole run something that is read there."""
        callees = callees_of([step], self._new).values()
        gives = any(output.exported is not None for callee in callees for output in callee.outputs)
        return "it gives an output of the whole run" if gives else ""


def exported(graph: Graph, done: Mapping[str, Ended], past: PastRun) -> tuple[Output, ...]:
    """The outputs of a graph with what they read of these steps written into them.

    Raises:
        LackingError: one cannot be had without its step.
    """
    outputs = []
    for output in graph.outputs:
        value = inlined(output.value, done, past)
        if value is not None and value is not output.value:
            if past.drops_outputs and not any(references(value)):
                continue
            value = past.exported(value)
            if value is None:
                name = next(item.step for item in references(output.value) if item.step in done)
                raise LackingError(name, f"{output.name} (which the engine cannot say of a constant)")
        outputs.append(replace(output, value=value))
    return tuple(outputs)


def _untouchable(graph: Graph) -> str:
    """Why no step can leave a graph; empty where steps can."""
    if not all(isinstance(target, str) for target in graph.targets):
        return "only the run knows which steps its graph asks for"
    if any(region.loop is not None for region in graph.regions):
        return "steps of its graph run in a loop together"
    if any(item.step == ANY_STEP for item in references(graph)):
        return "its graph looks up steps by names that only the run knows"
    return ""
