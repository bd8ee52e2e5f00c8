"""Application of priorities to a plan: the start order of the steps that a workflow's entry calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace as with_fields
from functools import cached_property, partial

import msgspec

from couler_plugins.documents.mappings import by_key
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.ordering import StartRule
from couler_plugins.ir import (
    Call,
    CallSite,
    Graph,
    Scalar,
    SettableStep,
    Step,
    Workflow,
    callables,
    callee_of,
    replace,
    replace_callables,
    with_settings,
)
from couler_plugins.ordering.priorities import Ranks, behind, gain_of, in_turn, levels, own_orders, width
from couler_plugins.ordering.prioritize import Prioritize
from couler_plugins.plan import Decision, Plan
from couler_plugins.simulation.planned import Planned, planned

NO_GRAPH = "what it runs first is no graph of several steps: there is nothing to order"
IN_TURN = "its steps run one after another: there is nothing to order"
ENOUGH = "as many steps may run at a time as ever could: none of them waits"
NO_GAIN = "in simulation, an order {} makes no run shorter than the engine's own order"
NO_CLASSES = "its engine has no order of steps: name priority classes that the cluster has (classes=low|high)"
LONGEST = "where not all steps can run at once, those with the longest path behind them go first"
OWN_CLASS = "its owner gives it the priority class {!r}"
ALL_CLASSES = "its owner gives all of its pods the priority class {!r}"
FROM_RUNS, NO_TIMES = "; times are from past runs", "; no times are known, so all steps count alike"
SOME_TIMES = "; times are from past runs, and steps without one count as the median of the others"
INNER = "it runs a graph, and its pods are none of its own"
Figures = tuple[tuple[str, Scalar], ...]


def apply_prioritize(options: Prioritize, plan: Plan, ctx: Context) -> Plan:
    """Give the steps of all workflows the start order that is faster in simulation."""
    for workflow in plan.workflows:
        ctx.progress(f"looking for what goes first in {workflow.label}")
        ordering = _Prioritizing(options, plan, workflow, ctx)
        plan = plan.with_workflow(workflow, ordering.workflow, *ordering.decisions)
    return plan


class _Prioritizing:
    """Orders the steps that the entry of one workflow calls.

    Attributes:
        workflow: the workflow as it is to be.
        decisions: what is done, and what is not.
    """

    def __init__(self, options: Prioritize, plan: Plan, workflow: Workflow, ctx: Context) -> None:
        self.workflow, self.decisions = workflow, list[Decision]()
        self._plan, self._options, self._ctx, self._by_name = plan, options, ctx, callables(workflow)
        adapter = ctx.adapter(workflow.engine)
        self._homes = adapter.homes()
        only = workflow.graphs[0] if workflow.entry is None and len(workflow.graphs) == 1 else None
        graph = only if workflow.entry is None else callee_of(workflow.entry, self._by_name)
        if not isinstance(graph, Graph) or len(graph.steps) < 2:
            self._say("", NO_GRAPH)
            return
        self._graph, self._order = graph, adapter.start_order(workflow, graph)
        try:
            self._choose()
        except Unsupported as error:
            self._say(graph.name, error.message)

    def _choose(self) -> None:
        """Order the steps by each means that their engine has.

        Raises:
            Unsupported: their workflow is no flat graph, so that no run of it can be simulated.
        """
        classes, order = self._options.classes, self._order
        is_weighted, is_listed = self._homes["weight"].at != "none", order.rule == "leaves"
        objections = self._objections("weight" if is_weighted else "priority")
        if is_weighted:
            refusal = order.refusal or next(filter(None, objections.values()), "")
            self._try(levels, self._options.slots, refusal, self._set_weights, "by their weights")
        elif is_listed:
            self._try(in_turn, order.slots, order.refusal, self._set_targets, "in the DAG's target")
        if is_weighted or (is_listed and not classes):
            return
        everywhere = next(iter(objections.values())) if all(objections.values()) else ""
        usual = ALL_CLASSES.format(order.usual) if order.usual else ""
        refusal = everywhere or usual or ("" if classes else NO_CLASSES)
        fixed = {name: "" for name, reason in objections.items() if reason}
        fixed |= {} if refusal else self._own_classes()
        if len(fixed) < len(objections) or refusal:
            put, rank = partial(self._set_classes, fixed), partial(self._by_class, fixed)
            self._try(rank, self._options.slots, refusal, put, "by their classes", "ready")

    def _try(
        self,
        rank: Callable[[Mapping[str, float]], Ranks],
        slots: int | None,
        refusal: str,
        put: Callable[[Ranks], None],
        means: str,
        rule: StartRule | None = None,
    ) -> None:
        """Order the steps, where a simulated run gets shorter by that.

        Args:
            rank: returns ranks of steps for the seconds of the longest path from each on.
            slots: how many steps run at a time, where that is known; else what the workflow has if that limits them, or
                half of what could run at once.
            refusal: why they stay as they are; empty where they need not.
            put: writes ranks into the workflow.
            means: what carries the order, for people.
            rule: how the engine starts them by itself; as it says, unless given.
        """
        if refusal:
            self._say(self._graph.name, refusal)
            return
        tasks, by_task = self._tasks, behind(self._tasks)
        longest = {step.name: by_task[step.name] for step in self._graph.steps if step.name in by_task}
        wide = width(tasks)
        usual = self._order.slots if rule is None else None
        slots = slots or (usual if usual and usual < wide else max(1, wide // 2))
        if wide < 2 or slots >= wide:
            self._say(self._graph.name, IN_TURN if wide < 2 else ENOUGH)
            return
        gain = gain_of(tasks, slots, own_orders(rule or self._order.rule, tasks), rank(longest))
        some = SOME_TIMES if tasks.unknown else FROM_RUNS
        times = NO_TIMES if tasks.unknown == tasks.call_sites else some
        figures: Figures = (
            ("steps", tasks.call_sites),
            ("steps of unknown time", tasks.unknown),
            *((("seconds that these count as", round(tasks.guess, 1)),) if tasks.unknown else ()),
            ("slots", slots),
            ("seconds of a run before", round(gain.before, 1)),
            ("seconds of a run after", round(gain.after if gain.helps else gain.before, 1)),
        )
        if gain.helps:
            self._say(self._graph.name, LONGEST + times, f"order {len(longest)} steps {means}", figures)
            put(gain.ranks)
        else:
            self._say(self._graph.name, NO_GAIN.format(means) + times, figures=figures)

    @cached_property
    def _tasks(self) -> Planned:
        """What a run of the steps would be, without those that run after all others.

        Raises:
            Unsupported: the graph is not flat.
        """
        graph, last = self._graph, {*self._graph.finalizers}
        steps = tuple(step for step in graph.steps if step.name not in last)
        bare = replace(graph, steps=steps, finalizers=(), retry=None, outputs=())
        entry = Step(name=graph.name, call=Call(name=graph.name))
        workflow = replace(replace_callables(self.workflow, {graph.name: bare}), entry=entry)
        return planned(workflow, partial(self._ctx.profile, self.workflow))

    def _objections(self, setting: str) -> dict[str, str]:
        """Return why a setting of each step cannot be set; of one that calls a graph, its pods are none of its own."""
        reasons: dict[str, str] = {}
        for step in self._graph.steps:
            callee = callee_of(step, self._by_name)
            operation = None if isinstance(callee, Graph) else callee
            home = self._homes[setting].of(self.workflow, CallSite(self._graph, step), operation)
            is_inner = isinstance(callee, Graph) and home.at != "none"
            reasons[step.name] = INNER if is_inner else home.objection(operation)
        return reasons

    def _by_class(self, fixed: Mapping[str, str], longest: Mapping[str, float]) -> Ranks:
        """Return ranks by class; a step whose class is not named counts as one of the lowest."""
        count = len(self._options.classes)
        ranks = dict(zip(reversed(self._options.classes), range(count), strict=True))
        return {**levels(longest, count), **{name: ranks.get(own, count - 1) for name, own in fixed.items()}}

    def _own_classes(self) -> dict[str, str]:
        """Return the classes that owners give steps, and say that these stay."""
        own: dict[str, str] = {}

        def look(step: SettableStep) -> SettableStep:
            if step.graph == self._graph.name and step.priority is not None:
                own[step.name] = str(getattr(step.priority, "value", "…"))
            return step

        self._map(look, "")
        by_class = by_key((class_name, f"{self._graph.name}/{name}") for name, class_name in own.items())
        for class_name, (first, *others) in by_class.items():
            self._say(first, OWN_CLASS.format(class_name), affects=others)
        return own

    def _set_weights(self, ranks: Ranks) -> None:
        lowest = max(ranks.values())
        self._set("weight", {name: lowest - rank + 1 for name, rank in ranks.items()})

    def _set_classes(self, fixed: Mapping[str, str], ranks: Ranks) -> None:
        classes = self._options.classes
        self._set("priority", {name: classes[-1 - rank] for name, rank in ranks.items() if name not in fixed})

    def _set_targets(self, ranks: Ranks) -> None:
        graph = replace(self._graph, targets=tuple(ranks))
        self.workflow = replace_callables(self.workflow, {graph.name: graph})

    def _set(self, setting: str, values: Mapping[str, int | str]) -> None:
        """Give steps of the graph a setting, and say so of each."""

        def change(step: SettableStep) -> SettableStep:
            is_meant = step.graph == self._graph.name and step.name in values
            return with_settings(step, **{setting: values[step.name]}) if is_meant else step

        new, longest = self._map(change, f"set {setting}"), behind(self._tasks)
        for item in new.decisions:
            name = item.subject.rpartition("/")[2]
            figures = ((setting, values.get(name)), ("seconds from its start on", round(longest.get(name, 0.0), 1)))
            self.decisions.append(msgspec.structs.replace(item, figures=figures))
        self.workflow = new.workflows[0]

    def _map(self, change: Callable[[SettableStep], SettableStep], action: str) -> Plan:
        """Return a plan of the workflow alone with its call sites changed."""
        alone = with_fields(self._plan, workflows=(self.workflow,), decisions=())
        return alone.map_steps(Prioritize.name, change, action=action, reason=LONGEST)

    def _say(
        self, subject: str, reason: str, action: str = "", figures: Figures = (), affects: Sequence[str] = ()
    ) -> None:
        decision = Decision(optimizer=Prioritize.name, workflow=self.workflow.label, subject=subject, reason=reason)
        self.decisions.append(msgspec.structs.replace(decision, action=action, figures=figures, affects=tuple(affects)))
