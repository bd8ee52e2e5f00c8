"""Relaxation of the order of steps: pure ones wait for what they read alone, where that makes a run shorter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from couler_plugins.documents.mappings import by_key
from couler_plugins.hookspecs import Context
from couler_plugins.ir import (
    Graph,
    GraphView,
    Scalar,
    Step,
    Workflow,
    callables,
    callee_of,
    inline_callees,
    references,
    replace_callables,
)
from couler_plugins.ir.recursion import recursive
from couler_plugins.ir.walk import written_inline
from couler_plugins.ordering.order import Timing, order_of, time_order
from couler_plugins.ordering.parallelize import Parallelize
from couler_plugins.ordering.purity import Purity
from couler_plugins.ordering.scope import SHORTER, Scope, Sketch
from couler_plugins.plan import Decision, Plan
from couler_plugins.runs.run import median

SHOWN = 4
"""Names that a reason lists."""


def apply_parallelize(options: Parallelize, plan: Plan, ctx: Context) -> Plan:
    """Relax the order of the steps of all graphs."""
    caches = {engine: ctx.adapter(engine).cache(plan) for engine in {item.engine for item in plan.workflows}}
    libraries, purities = plan.libraries, dict[int, Purity]()

    def purity_of(workflow: Workflow) -> Purity:
        if id(workflow) not in purities:
            if (cache := caches[workflow.engine](workflow)) is not None:
                cache.rows = ctx.rows("cache")
            purities[id(workflow)] = Purity(workflow, cache, libraries, purity_of)
        return purities[id(workflow)]

    for workflow in plan.workflows:
        if not any(len(graph.steps) > 1 for graph in workflow.graphs):
            continue
        ctx.progress(f"looking for steps of {workflow.label} that need not wait")
        relaxing = _Relaxing(plan, workflow, purity_of(workflow), ctx)
        changed: dict[str, Graph] = {}
        decisions = [decision for graph in workflow.graphs for decision in relaxing.relax(graph, changed)]
        if decisions:
            new = replace_callables(workflow, changed) if changed else workflow
            plan = plan.with_workflow(workflow, new, *decisions)
    return plan


class _Relaxing:
    """Relaxes the graphs of one workflow."""

    def __init__(self, plan: Plan, workflow: Workflow, purity: Purity, ctx: Context) -> None:
        self._plan, self._workflow, self._purity, self._ctx = plan, workflow, purity, ctx
        self._by_name = callables(workflow)
        self._inline = written_inline(self._by_name)
        self._recursive = recursive(workflow)
        self._lengths: dict[str, float] = {}
        labels = ((graph.name, step.name) for graph in workflow.graphs for step in graph.steps)
        profiled = ((place, ctx.profile(workflow, "/".join(place)).seconds) for place in labels)
        self._profiled = {place: seconds for place, seconds in profiled if seconds is not None}
        self._usual = median(list(self._profiled.values())) if self._profiled else 1.0

    def relax(self, graph: Graph, changed: dict[str, Graph]) -> Iterator[Decision]:
        """Yield decisions on a graph, which goes into `changed` where it is to be another one."""
        view = GraphView(graph, self._inline)
        if len(graph.steps) < 2 or view.cycle() or next(view.against_barriers(), None) is not None:
            return  # nothing to relax, or its engine refuses it
        order = order_of(view)
        steps = {step.name: step for step in graph.steps}
        scope = Scope(view, order, self._purity, [self._seconds(graph, steps[name]) for name in order.names])
        if not any(order.before) or not (self._ctx.explains or len(scope.free) > 1):
            return
        done = scope.sketch(scope.free) if len(scope.free) > 1 else None
        most = scope.sketch(order.names) if self._ctx.explains else done
        if (better := done or most) is None:
            return
        if refusal := self._refusal(graph):
            figures = self._figures(scope.now, better.timing)
            yield self._decision(graph.name, f"its order stays: {refusal}", figures)
            return
        if done is not None:
            changed[graph.name] = scope.relaxed(done)
            yield self._done(scope, done)
        if self._ctx.explains and most is not None:
            yield from self._left(scope, done, most)

    def _seconds(self, graph: Graph, step: Step) -> float:
        """Return how long a step takes: by past runs, as long as what it calls, or as usual."""
        if (seconds := self._profiled.get((graph.name, step.name))) is not None:
            return seconds
        callee = callee_of(step, self._by_name)
        if not isinstance(callee, Graph) or callee.name in self._recursive:
            return self._usual
        if callee.name not in self._lengths:
            view, steps = GraphView(callee, self._inline), {one.name: one for one in callee.steps}
            self._lengths[callee.name] = self._usual  # of one whose steps wait for each other in a circle
            if not view.cycle():
                order = order_of(view)
                times = [self._seconds(callee, steps[name]) for name in order.names]
                self._lengths[callee.name] = time_order(order.parents, order.stages, times, None).makespan
        return self._lengths[callee.name]

    def _refusal(self, graph: Graph) -> str:
        """Return why no step of a graph may wait for others than it does; empty where they may."""
        if graph.targets:
            return "it asks for some of its steps only, and for what these wait for"
        names = {step.name for step in graph.steps}
        inner = tuple(inline_callees(step, self._inline) for step in graph.steps)
        if graph.stages is not None and any(one.step in names for one in references(inner)):
            return "what is written inline in one of its steps reads another step"
        return self._ctx.adapter(self._workflow.engine).keep_order(self._workflow, graph, self._plan)

    def _done(self, scope: Scope, sketch: Sketch) -> Decision:
        graph, order = scope.graph, scope.order
        less = [name for at, name in enumerate(order.names) if sketch.before[at] != order.before[at]]
        reason = f"{_listed(less)} and steps in front of them are declared pure: they wait for what they read"
        figures = (*self._figures(scope.now, sketch.timing), ("steps that wait for less", len(less)))
        action = "take order away" if graph.stages is None else "let steps wait for steps, not for stages"
        affects = [f"{graph.name}/{step.name}" for step in graph.steps]
        return self._decision(graph.name, f"{reason}; {self._basis}", figures, affects, action=action)

    def _left(self, scope: Scope, done: Sketch | None, most: Sketch) -> Iterator[Decision]:
        """Yield what stays in its order, by reason, where the graph would be shorter without that."""
        graph, best = scope.graph, done.timing if done is not None else scope.now
        against = {name: one for name, one in scope.obstacles.items() if one is not None and name not in scope.fixed}
        undeclared = {name: one for name, one in against.items() if one.undeclared}
        declared = scope.sketch({*scope.free, *undeclared}) if undeclared else None
        if declared is not None and declared.timing.makespan < best.makespan * SHORTER:
            labels = tuple(dict.fromkeys(label for one in undeclared.values() for label in one.undeclared))
            first = next(iter(undeclared.values()))
            reason = (
                f"it would be shorter with {_listed(labels)} declared pure; where that is true, add {first.remedy}; "
                f"{self._basis}"
            )
            affects = [f"{graph.name}/{name}" for name in undeclared]
            yield self._decision(graph.name, reason, self._figures(best, declared.timing), affects)
            best = declared.timing
        if most.timing.makespan < best.makespan * SHORTER:
            reasons = scope.fixed | {name: one.reason for name, one in against.items() if not one.undeclared}
            named = by_key((reason, f"{graph.name}/{name}") for name, reason in reasons.items())
            for reason, (first_label, *others) in named.items():
                yield self._decision(first_label, f"its place in the order stays: {reason}", (), others)

    @property
    def _basis(self) -> str:
        if not self._profiled:
            return "nothing is known of their times, so all steps count the same"
        profiles, steps = len(self._profiled), sum(len(graph.steps) for graph in self._workflow.graphs)
        rest = "" if profiles == steps else ", and the median of these for the others"
        return f"times are those of past runs for {profiles} of {steps} steps{rest}"

    def _figures(self, before: Timing, after: Timing) -> tuple[tuple[str, Scalar], ...]:
        what = "seconds of the longest path" if self._profiled else "steps on the longest path"
        digits = 3 if self._profiled else None
        return (
            (f"{what} before", round(before.makespan, digits)),
            (f"{what} after", round(after.makespan, digits)),
            ("steps at a time before", before.width),
            ("steps at a time after", after.width),
        )

    def _decision(
        self,
        subject: str,
        reason: str,
        figures: tuple[tuple[str, Scalar], ...] = (),
        affects: Sequence[str] = (),
        *,
        action: str = "",
    ) -> Decision:
        return Decision(
            optimizer=Parallelize.name,
            workflow=self._workflow.label,
            subject=subject,
            action=action,
            reason=reason,
            figures=figures,
            affects=tuple(affects),
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more
