"""Application of retries and timeouts to a plan: where its engine keeps them, and a decision on each step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace as with_fields
from functools import cached_property
from typing import Any

import msgspec

from couler_plugins.documents.mappings import by_key, reached
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import EngineCache
from couler_plugins.ir import (
    Call,
    CallSite,
    External,
    Graph,
    GraphView,
    Literal,
    Operation,
    SettableStep,
    Step,
    Workflow,
    call_sites,
    callables,
    callee_of,
    replace,
    replace_callables,
)
from couler_plugins.ir.attempts import tightest
from couler_plugins.ir.walk import written_inline
from couler_plugins.plan import Decision, Plan
from couler_plugins.reliability.optimizer import Guard
from couler_plugins.reliability.rules import (
    Rule,
    Target,
    check_rows,
    find_refusals,
    forbid,
    named_steps,
    rule_at,
    together,
)
from couler_plugins.reliability.timeouts import durations_of
from couler_plugins.reliability.wishes import CALLED_ELSEWHERE, UNDECLARED, Decider, Unit, Wish, seconds_in
from couler_plugins.runs import Attempt, site_of

CALLERS = "what calls it says how often it is tried, and for how long"


def apply_guard(options: Guard, plan: Plan, ctx: Context) -> Plan:
    """Give the steps of all workflows retries by cause, and timeouts from past runs."""
    check_rows(ctx.rows(options.name))
    causes = ctx.causes()
    caches = {engine: ctx.adapter(engine).cache(plan) for engine in {item.engine for item in plan.workflows}}
    by_id = {id(workflow): workflow for workflow in plan.workflows}
    callers = by_key(
        (id(library), id(workflow))
        for workflow in plan.workflows
        for call in (site.step.call for site in call_sites(workflow))
        if isinstance(call, External)
        for library in plan.libraries.candidates(workflow, call)
    )
    guarding: dict[int, _Guarding] = {}
    for workflow in plan.workflows:
        if (cache := caches[workflow.engine](workflow)) is not None:
            cache.rows = ctx.rows("cache")
        around = [by_id[number] for number in reached([id(workflow)], lambda number: callers.get(number, ()))]
        guarding[id(workflow)] = _Guarding(
            Decider(options, ctx.adapter(workflow.engine), causes), plan, workflow, around, ctx, cache
        )
    said = find_refusals(plan, lambda caller, site: guarding[id(caller)].rule(site, None, outside=True))
    for workflow in plan.workflows:
        ctx.progress(f"looking for what may be repeated in {workflow.label}")
        plan = guarding[id(workflow)].apply(plan, said)
    return plan


class _Guarding:
    """Guards one workflow of a plan."""

    def __init__(
        self,
        decider: Decider,
        plan: Plan,
        workflow: Workflow,
        around: Sequence[Workflow],
        ctx: Context,
        cache: EngineCache[Any, Any] | None,
    ) -> None:
        self._decider, self._workflow, self._ctx, self._cache = decider, workflow, ctx, cache
        self._around = [replace(one, graphs=workflow.graphs) for one in around]
        self._rows, self._homes = ctx.rows(Guard.name), decider.adapter.homes()
        self._graphs = {graph.name: graph for graph in workflow.graphs}
        self._operations = {item.name: item for item in workflow.operations}
        self._calls = by_key(
            (site.step.call.name, site) for site in call_sites(workflow) if isinstance(site.step.call, Call)
        )
        self._lost = by_key(
            (name, ran.tries[-1])
            for run in ctx.runs(workflow)
            for ran in run.steps
            if ran.fate == "failed" and ran.tries and not ran.tolerated
            for name in {site_of(ran), ran.type}
        )
        self._wishes: dict[tuple[str, str], Wish] = {}
        self._beside: dict[tuple[str, str], float] = {}
        self._libraries = plan.libraries
        self._named = named_steps(workflow)

    def apply(self, plan: Plan, said: Mapping[Target, Rule]) -> Plan:
        """Return the plan with the workflow as it is to be.

        Args:
            plan: the plan.
            said: what callers from other objects forbid.
        """
        self._forbidden = said
        alone = with_fields(plan, workflows=(self._workflow,), decisions=())
        if self._homes["retry"].at != "operation":
            self._decide_along_paths(alone)
        new = alone.map_steps(Guard.name, self._with_wishes, action="set attempts", reason="")
        memory = {subject: wish.memory for (_, subject), wish in self._wishes.items() if wish.memory is not None}
        changed = {item.name: memory[item.name](item) for item in new.workflows[0].operations if item.name in memory}
        workflow = replace_callables(new.workflows[0], changed) if changed else new.workflows[0]
        decisions = [*self._decisions(), *(item for item in new.decisions if not item.action)]
        return plan.with_workflow(self._workflow, workflow, *decisions) if decisions else plan

    def _decide_along_paths(self, alone: Plan) -> None:
        """Decide on the steps of each graph in their order, with the time that others on their longest paths take.

        Of those in front of a step all attempts count, and one of those behind it: so all attempts of a path fit
        together. Barriers between stages, and a graph that a step calls, are no part of a path.
        """
        steps: dict[str, dict[str, SettableStep]] = defaultdict(dict)

        def look(step: SettableStep) -> SettableStep:
            steps[step.graph][step.name] = step
            return step

        alone.map_steps(Guard.name, look, action="", reason="")
        inline = written_inline(callables(self._workflow))
        for graph in self._workflow.graphs:
            view, mine = GraphView(graph, inline), steps[graph.name]
            order = [] if view.cycle() else view.order()
            seconds = {step.name: self._seconds(graph, step) for step in graph.steps}
            ends, behind = dict[str, float](), dict[str, float]()
            for name in reversed(order):
                behind[name] = max((seconds[one] + behind[one] for one in view.successors(name)), default=0.0)
            for name in order:
                start = max((ends[one] for one in view.predecessors(name)), default=0.0)
                self._beside[graph.name, name] = start + behind[name]
                retry = self._with_wishes(mine[name]).retry if name in mine else None
                again = retry.limit.value if retry is not None and isinstance(retry.limit, Literal) else 0
                ends[name] = start + seconds[name] * (1 + again if isinstance(again, int) else 1)

    def _seconds(self, graph: Graph, step: Step) -> float:
        """Return how long an attempt of a call took at most; what ends one where that is not known."""
        tries = self._own(self._ctx.profile(self._workflow, CallSite(graph, step).label).tries or ())
        return durations_of(tries, loops=True).longest or seconds_in(step.timeout) or 0.0

    def _with_wishes(self, step: SettableStep) -> SettableStep:
        """Return a call with the timeout and the retry that it is to have."""
        for setting in ("timeout", "retry"):
            wish = self._wish(setting, step)
            step = step if wish.value is None else replace(step, **{setting: wish.value})
        return step

    def _wish(self, setting: str, step: SettableStep) -> Wish:
        """Return what is decided on a setting of a call; of an operation once, where the engine keeps it there."""
        site = CallSite(self._graphs.get(step.graph), step)
        operation = self._operations.get(step.call.name) if isinstance(step.call, Call) else None
        home = self._homes[setting].of(self._workflow, site, operation)
        is_shared = operation is not None and home.at == "operation"
        subject = operation.name if operation is not None and is_shared else site.label
        if (setting, subject) not in self._wishes:
            others = CallSite(None, Step(name=subject, call=Call(name=subject)))  # calls from other workflows
            sites = [*self._calls.get(subject, ()), *([others] if self._workflow.library else [])]
            sites = sites if is_shared and sites else [site]
            name = step.graph if step.graph and not is_shared else getattr(step.call, "name", "")
            rule = forbid(
                together([self.rule(one, operation) for one in sites]),
                [self._forbidden.get((id(self._workflow), name), Rule())],
            )
            is_said_here = is_shared and self._workflow.library and self.rule(site, operation).idempotent
            is_elsewhere = isinstance(step.call, External) and bool(
                self._libraries.candidates(self._workflow, step.call)
            )
            is_outside = self._workflow.library and not step.graph and home.at == "step"
            if objection := rule.refusal or home.objection(operation) or (CALLERS if is_outside else ""):
                wish = Wish(reason="" if is_elsewhere and not rule.refusal else objection)
            else:
                profile = self._ctx.profile(self._workflow, subject)
                unit = Unit(
                    step=step,
                    operation=operation,
                    rule=rule,
                    limits=tightest(
                        [self._decider.adapter.attempt_limits(one, step, operation) for one in self._around]
                    ),
                    attempts=self._own(profile.tries or ()),
                    lost=self._own(self._lost.get(subject, ())),
                    beside=self._beside.get((step.graph, step.name), 0.0),
                    undeclared=CALLED_ELSEWHERE if is_said_here else UNDECLARED,
                    loops=(profile.instances or 1) > 1 or any(one.step.loop is not None for one in sites),
                )
                wish = self._decider.timeout(unit) if setting == "timeout" else self._decider.retry(unit)
            self._wishes[setting, subject] = wish
        return self._wishes[setting, subject]

    def rule(self, site: CallSite, operation: Operation | None, *, outside: bool = False) -> Rule:
        """Return what is said of a call; what its owner declares pure may run twice.

        Args:
            site: the call.
            operation: what it calls; None where that is in another workflow.
            outside: whether that counts alone which the workflow says, and rows, and not what is called.
        """
        operation = self._elsewhere.get(_place(site)) if isinstance(site.step.call, External) else operation
        sizes = self._decider.adapter.pod_sizes(self._workflow, operation)
        said = self._decider.adapter.pod_sizes(self._workflow, None if outside else operation).annotations
        rule = rule_at(self._workflow, site, operation, said, sizes.task, self._rows, self._named)
        rule = rule if outside else forbid(rule, self._of_candidates(site))
        if rule.idempotent is None and self._cache is not None and operation is not None:
            return rule._replace(idempotent=bool(self._cache.declared_pure(site.graph, site.step, operation)) or None)
        return rule

    def _of_candidates(self, site: CallSite) -> Iterator[Rule]:
        """What is said of each object that a call may mean, where it is unclear which one it means."""
        call = site.step.call
        candidates = self._libraries.candidates(self._workflow, call) if isinstance(call, External) else ()
        for one in candidates if len(candidates) > 1 else ():
            callee = next((item for item in one.operations if item.name == getattr(call, "name", "")), None)
            sizes, entry = self._decider.adapter.pod_sizes(one, callee), CallSite(None, site.step)
            yield rule_at(one, entry, callee, sizes.annotations, sizes.task, self._rows, named_steps(one))

    @cached_property
    def _elsewhere(self) -> dict[tuple[str, str], Operation]:
        """What calls run of other objects in the files, by graph and step: as `cache` reads it, where that is clear."""
        bare = self._cache.bare if self._cache is not None else self._workflow
        by_name = callables(bare)
        return {
            _place(site): callee
            for site in call_sites(bare)
            if isinstance(callee := callee_of(site.step, by_name), Operation)
        }

    def _own(self, attempts: Sequence[Attempt]) -> Sequence[Attempt]:
        """Return attempts without those of another namespace: what has this name there may be something else."""
        return [
            one for one in attempts if not self._workflow.namespace or one.namespace in ("", self._workflow.namespace)
        ]

    def _decisions(self) -> Iterator[Decision]:
        """Return a decision for each thing that is done or left alone for one reason, with all that it is about."""
        said = by_key(
            ((wish.action, wish.reason, wish.figures), subject)
            for (_, subject), wish in self._wishes.items()
            if wish.reason
        )
        for (action, reason, figures), names in sorted(said.items(), key=lambda item: not item[0][0]):
            first, *others = dict.fromkeys(names)
            called = {site.label for name in (first, *others) for site in self._calls.get(name, ())} if action else ()
            decision = Decision(optimizer=Guard.name, workflow=self._workflow.label, subject=first, action=action)
            affects = tuple(dict.fromkeys([*others, *sorted({*called} - {first, *others})]))
            yield msgspec.structs.replace(decision, reason=reason, figures=figures, affects=affects)


def _place(site: CallSite) -> tuple[str, str]:
    return (site.graph.name if site.graph is not None else "", site.step.name)
