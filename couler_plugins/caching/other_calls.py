"""Decisions on call sites that no engine's facet decides: calls of other workflows, and workflows in circles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from couler_plugins.caching.decisions import Judgement, decision_on, judge
from couler_plugins.caching.rules import HANDLER, default_objections
from couler_plugins.documents.mappings import by_key, reached
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import Objection, SourcePlace
from couler_plugins.ir import (
    CallSite,
    Dynamic,
    External,
    Graph,
    Libraries,
    Operation,
    Step,
    Workflow,
    call_sites,
    leaf_call_sites,
)
from couler_plugins.plan import Decision, Outcome, Plan

DYNAMIC = Objection("dynamic", "what it calls is decided when it runs, by a parameter or a resolver")
RECURSIVE = Objection("recursion", "it calls itself, directly or through others, and a hit could repeat that for ever")
NO_CACHE = Objection("no-cache", "its engine has no cache that this optimizer knows")
WORST: tuple[Outcome, ...] = ("never", "not-in-call", "run-time", "declarable", "cached")


def with_other_calls(
    plan: Plan,
    before: Sequence[Workflow],
    outside: Mapping[int, Mapping[str, Decision]],
    parts: Mapping[int, Objection],
    ctx: Context,
) -> Plan:
    """Return the plan with a decision on every call site that has none.

    Args:
        plan: with the decisions of the engines' facets.
        before: its workflows as the optimizer got them.
        outside: by the identity of a library, the decisions on calls of its operations from other workflows.
        parts: by the identity of a workflow that was split, why nothing in it gets a key.
        ctx: whose profiles say what caching would save.
    """
    calls = _OtherCalls(plan, before, outside, parts)
    decisions = [
        decision_on(
            workflow,
            site.label,
            ctx,
            step=site.step,
            judgement=judgement,
            objection=next(iter(judgement.objections), None),
            reasons=[judgement.objections[0].advice if judgement.objections else "what it calls is cached"],
            document=_document(workflow),
        )
        for workflow in before
        for site, judgement in calls.judgements(workflow)
    ]
    return replace(plan, decisions=(*plan.decisions, *decisions)) if decisions else plan


class _OtherCalls:
    """Judges what no facet judged; see `with_other_calls`."""

    def __init__(
        self,
        plan: Plan,
        before: Sequence[Workflow],
        outside: Mapping[int, Mapping[str, Decision]],
        parts: Mapping[int, Objection],
    ) -> None:
        self._outside, self._parts = outside, parts
        self._libraries = Libraries(before, plan.bundle)
        self._homes = {id(item): workflow for workflow in before for item in (*workflow.graphs, *workflow.operations)}
        self._graphs: dict[int, Judgement] = {}
        self._decided = by_key(
            ((decision.document, decision.subject), decision)
            for decision in plan.decisions
            if decision.optimizer == "cache" and decision.verdict
        )

    def judgements(self, workflow: Workflow) -> Iterator[tuple[CallSite, Judgement]]:
        """Judge the call sites of a workflow that have no decision."""
        document, seen = _document(workflow), Counter[str]()
        for site in leaf_call_sites(workflow):
            seen[site.label] += 1
            if seen[site.label] > sum(1 for item in self._decided.get((document, site.label), ()) if item.calls):
                yield site, self._judgement(workflow, site.step)

    def _judgement(self, workflow: Workflow, step: Step) -> Judgement:
        match step.call:
            case External() as call:
                callee = self._libraries.callee(workflow, step)
                if callee is not None:
                    judgement = self._callee(callee)
                    if isinstance(callee, Graph) or judgement.outcome != "cached":
                        return judgement
                    defaults = [item.at(step.source) for item in default_objections(step, callee)]
                    return judge(defaults) if defaults else judgement
                reason = self._libraries.ambiguity(workflow, call)
                reason = reason or f"it calls {call.description}, which is in none of these files"
                return Judgement("not-in-call", (Objection("external", reason, place=SourcePlace.of(step.source)),))
            case Dynamic():
                return Judgement("not-in-call", (DYNAMIC,))
        if id(workflow) in self._parts:
            return judge([self._parts[id(workflow)]])
        handlers = {id(site.step) for site in call_sites(workflow) if site.step is not workflow.entry}
        handlers -= {id(item) for graph in workflow.graphs for item in graph.steps}
        return judge([HANDLER if id(step) in handlers else NO_CACHE])

    def _callee(self, callee: Graph | Operation) -> Judgement:
        """Judge what another workflow calls."""
        home = self._homes[id(callee)]
        if isinstance(callee, Graph):
            return self._graph(home, callee)
        own = self._outside.get(id(home), {}).get(callee.name)
        decisions = [own] if own is not None else self._decided.get((_document(home), callee.name), [])
        if not decisions:
            return judge([self._parts.get(id(home), NO_CACHE)])
        return Judgement(decisions[0].verdict, decisions[0].objections)

    def _graph(self, workflow: Workflow, graph: Graph) -> Judgement:
        """Judge a graph by its steps: the worst of them counts, with each of their rules once."""
        if id(graph) not in self._graphs:
            self._graphs[id(graph)] = judge([RECURSIVE])  # for a call of itself that is met on the way
            inner = [self._inner(workflow, graph, step) for step in graph.steps]
            outcome = min((one.outcome for one in inner), key=WORST.index) if inner else "cached"
            rules: dict[str, Objection] = {}
            for objection in (item for one in inner if one.outcome == outcome for item in one.objections):
                rules.setdefault(objection.rule, objection)
            self._graphs[id(graph)] = Judgement(outcome, tuple(rules.values()))
        return self._graphs[id(graph)]

    def _inner(self, workflow: Workflow, graph: Graph, step: Step) -> Judgement:
        callee = self._libraries.callee(workflow, step)
        if isinstance(callee, Graph):
            return self._graph(self._homes[id(callee)], callee)
        decisions = self._decided.get((_document(workflow), f"{graph.name}/{step.name}"), [])
        if decisions:
            return Judgement(decisions[0].verdict, decisions[0].objections)
        return self._judgement(workflow, step)


def _document(workflow: Workflow) -> int | None:
    return None if workflow.source is None else int(workflow.source[0])


Name = tuple[str, str]


def circular(workflows: Iterable[Workflow]) -> set[int]:
    """The workflows (by `id`) from which calls into libraries lead back to themselves, by name and scope."""
    workflows = list(workflows)
    calls = by_key(
        ((workflow.library, workflow.name), (site.step.call.scope, site.step.call.workflow))
        for workflow in workflows
        for site in call_sites(workflow)
        if isinstance(site.step.call, External)
    )
    names = {id(workflow): (workflow.library, workflow.name) for workflow in workflows}
    return {key for key, name in names.items() if name in reached(calls.get(name, ()), lambda one: calls.get(one, ()))}
