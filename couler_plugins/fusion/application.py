"""Application of `fuse` to a plan: its chains become steps, with a decision on each chain and on each link left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace as with_fields
from functools import cache, cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from couler_plugins.errors import Unsupported
from couler_plugins.fusion.attempts import joint_retry, joint_timeout, reserve_of
from couler_plugins.fusion.chains import Chains, Cut, Site
from couler_plugins.fusion.optimizer import Fuse
from couler_plugins.fusion.rules import WORDS, Say, check_rows, say_at
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.caching import EngineCache
from couler_plugins.hookspecs.fusing import Chain, Fused, Fusing, Member, Refusal
from couler_plugins.ir import (
    Call,
    CallSite,
    External,
    Graph,
    GraphView,
    Literal,
    Operation,
    Retry,
    SettableStep,
    Step,
    Value,
    Workflow,
    callables,
    fresh_name,
    replace,
)
from couler_plugins.ir.homes import UNDECLARED, change_steps
from couler_plugins.ir.merging import Merge, Surroundings, merge_steps
from couler_plugins.ir.walk import written_inline
from couler_plugins.plan import Decision, Plan
from couler_plugins.reliability.rules import Rule, Target, find_refusals, named_steps, rule_at
from couler_plugins.simulation.planned import GUESS

LONGEST = 58
"""Characters of a name of a chain, so that a number fits behind it in a label of Kubernetes."""
ALLOWED = 'say allow = "{0}" of {{step!r}} in [[fuse.declare]], or couler.io/fuse-allow: {0}'
REMEDIES = {word: ALLOWED.format(word) for word in WORDS} | {
    "idempotent": 'say idempotent = true of {step!r} in [[fuse.declare]], or couler.io/idempotent: "true"',
}


def apply_fuse(options: Fuse, plan: Plan, ctx: Context) -> Plan:
    """Run the chains of all workflows in one pod each."""
    check_rows(ctx.rows(options.name))
    fusers: dict[int, Fuser] = {}
    for workflow in plan.workflows:
        adapter = ctx.adapter(workflow.engine)
        facet = adapter.fusing(workflow, plan)
        splitting = adapter.splitting(workflow, plan) if facet is not None else None
        if facet is not None and not (splitting is not None and splitting.coordinates):
            fusers[id(workflow)] = Fuser(options, plan, workflow, facet, ctx)

    said = find_refusals(
        plan, lambda caller, site: Rule(fusers[id(caller)].callee(site)[2].refusal if id(caller) in fusers else "")
    )
    for workflow in plan.workflows:
        if (fuser := fusers.get(id(workflow))) is not None:
            ctx.progress(f"looking for chains in {workflow.label}")
            plan = fuser.apply(plan, said)
    return plan


class Pod(NamedTuple):
    """A chain, and the step that it becomes.

    Attributes:
        chain: the steps.
        fused: what runs them.
        retry, timeout: of the new step.
        figures: what it comes to.
    """

    chain: Chain
    fused: Fused
    retry: Retry | None
    timeout: Value | None
    figures: tuple[tuple[str, float], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its steps."""
        return tuple(member.step.name for member in self.chain.members)


class Fuser:
    """Fuses the chains of one workflow of a plan."""

    def __init__(self, options: Fuse, plan: Plan, workflow: Workflow, facet: Fusing, ctx: Context) -> None:
        self._options, self._plan, self._workflow, self._facet = options, plan, workflow, facet
        self._ctx, self._adapter, self._homes = ctx, ctx.adapter(workflow.engine), plan.homes or UNDECLARED
        self._named, self._names = named_steps(workflow), set(callables(workflow))
        self._settings: dict[tuple[str, str], SettableStep] = {}
        alone = with_fields(plan, workflows=(workflow,), decisions=())
        alone.map_steps(options.name, self._look, action="", reason="")

    def _look(self, step: SettableStep) -> SettableStep:
        self._settings[step.graph, step.name] = step
        return step

    def apply(self, plan: Plan, said: Mapping[Target, Rule]) -> Plan:
        """Return the plan with the workflow as it is to be.

        Args:
            plan: the plan.
            said: what callers from other files forbid.
        """
        workflow = self._workflow
        decisions: list[Decision] = []
        for graph in workflow.graphs:
            pods, cuts = self.pods(graph)
            if pods and (rule := said.get((id(self._workflow), graph.name), Rule())).refusal:
                refusal = Refusal("never", rule.refusal)
                cuts += [Cut(*pair, (refusal,)) for pod in pods for pair in pairwise(pod.names)]
            elif pods:
                try:
                    workflow = self._merged(workflow, graph.name, pods)
                except Unsupported as error:
                    refusal = Refusal("engine", error.message)
                    cuts += [Cut(*pair, (refusal,)) for pod in pods for pair in pairwise(pod.names)]
                else:
                    decisions += map(self._decision, pods)
            decisions += [self._refusal(graph, cut) for cut in cuts]
        plan = plan.with_workflow(self._workflow, workflow, *decisions) if decisions else plan
        if workflow is self._workflow:
            return plan
        return with_fields(plan, side=(*plan.side, *(item for item in self._original() if item not in plan.side)))

    def pods(self, graph: Graph) -> tuple[list[Pod], list[Cut]]:
        """Return what the chains of a graph become, and the links of chains that do not become one step."""
        scope = Surroundings(GraphView(graph, written_inline(callables(self._workflow))))
        if not scope.links:
            return [], []
        steps = {step.name: step for step in graph.steps}
        sites = cache(lambda name: self._site(graph, steps[name]))
        slots = self._adapter.start_order(self._workflow, graph).slots
        chains, cuts = Chains(
            self._options, scope, self._facet, sites, lambda name: self._is_idempotent(graph, sites(name)), slots
        ).find()
        names = {*steps, *self._names}
        pods: list[Pod] = []
        for chain in chains:
            for end in range(len(chain), 1, -1):
                members = chain[:end]
                name = fresh_name(f"{members[0].step.name}-to-{members[-1].step.name}"[:LONGEST].rstrip("-."), names)
                try:
                    pod = self._pod(scope, members, name, [sites(one.step.name).seconds for one in members])
                except Unsupported as error:
                    pair = members[-2].step.name, members[-1].step.name
                    cuts.append(Cut(*pair, (Refusal("engine", error.message, remedy=error.hint or "", step=pair[1]),)))
                else:
                    names.add(name)
                    self._names |= {name, pod.fused.operation.name}
                    pods.append(pod)
                    break
        return pods, cuts

    def _pod(self, scope: Surroundings, members: tuple[Member, ...], name: str, seconds: Sequence[float]) -> Pod:
        own = {member.step.name for member in members}
        read = frozenset(
            (step, reference.kind, reference.name)
            for step in own
            for reader, reference in scope.readers.get(step, ())
            if reader not in own
        )
        chain = Chain(scope.graph, members, name, read)
        saved = len(members) - 1
        reserve = reserve_of(members, seconds, self._options.overhead, self._options.max_reserved)
        timeout = None if self._facet.keeps_timeouts else joint_timeout(members)
        figures = (
            ("pods saved", saved),
            ("seconds saved with the assumed overhead of a pod", saved * self._options.overhead),
            ("reservation ratio", round(reserve.ratio, 2)),
        )
        return Pod(chain, self._facet.fuse(chain), joint_retry(members), timeout, figures)

    def _merged(self, workflow: Workflow, graph: str, pods: Sequence[Pod]) -> Workflow:
        """The workflow with chains of a graph as single steps.

        Raises:
            Unsupported: the workflow would mean something else, or the engine has no place for a retry.
        """
        steps = {
            pod.chain.name: Step(
                name=pod.chain.name,
                call=Call(name=pod.fused.operation.name),
                arguments=pod.fused.arguments,
                native_extra=pod.fused.native_extra,
            )
            for pod in pods
        }
        merges = [Merge(pod.names, steps[pod.chain.name], pod.fused.operation, pod.fused.outputs) for pod in pods]
        merged = merge_steps(workflow, graph, merges)
        wanted = {(graph, pod.chain.name): pod for pod in pods if pod.retry is not None or pod.timeout is not None}

        def changed(step: SettableStep) -> SettableStep:
            pod = wanted.get((step.graph, step.name))
            return step if pod is None else replace(step, retry=pod.retry, timeout=pod.timeout)

        settled, outcomes = change_steps(merged, self._homes, changed) if wanted else (merged, [])
        for outcome in outcomes:
            if "reason" in outcome:
                raise Unsupported(outcome["reason"], engine=workflow.engine, step=graph)
        return settled

    def callee(self, site: CallSite) -> tuple[Graph | Operation | None, Workflow | None, Say, frozenset[str]]:
        """Return what a call calls, the other workflow that has it, what is said of it, and its annotations."""
        libraries, call = self._plan.libraries, site.step.call
        callee = libraries.callee(self._workflow, site.step)
        is_outside = callee is not None and isinstance(call, External)
        library = libraries.candidates(self._workflow, call)[0] if is_outside else None  # type: ignore[arg-type]  # it is External
        operation = None if isinstance(callee, Graph) else callee
        annotations, task = self._annotations(operation, library)
        say = say_at(self._workflow, site, operation, annotations, task, self._ctx.rows(self._options.name))
        return callee, library, say, frozenset(annotations)

    def _site(self, graph: Graph, step: Step) -> Site:
        callee, library, say, annotations = self.callee(CallSite(graph, step))
        seen = self._settings.get((graph.name, step.name)) or SettableStep(
            **{name: getattr(step, name) for name in Step.__struct_fields__}, graph=graph.name
        )
        if library is not None and isinstance(callee, Operation):  # of which a call shows nothing
            homes = {name: home.of(library, CallSite(graph, step), callee) for name, home in self._homes.items()}
            own = {name: home.read(name, callee) for name, home in homes.items() if home.at in ("operation", "both")}
            seen = replace(seen, **{name: value for name, value in own.items() if value and not getattr(seen, name)})
        seconds = self._ctx.profile(self._workflow, f"{graph.name}/{step.name}").seconds
        return Site(seen, callee, library, say, annotations, GUESS if seconds is None else seconds)

    def _annotations(self, operation: object, library: Workflow | None) -> tuple[dict[str, object], str]:
        """The annotations of an operation and around it, where it is and where it is called; and its task's name."""
        own = self._adapter.pod_sizes(self._workflow, operation if library is None else None)  # type: ignore[arg-type]  # an operation or none
        if library is None:
            return dict(own.annotations), own.task
        there = self._adapter.pod_sizes(library, operation)  # type: ignore[arg-type]  # an operation or none
        return {**there.annotations, **own.annotations}, there.task

    def _is_idempotent(self, graph: Graph, site: Site) -> bool:
        """Whether a step may run twice, by what its owner says for `guard` and for `cache`."""
        if isinstance(site.callee, Graph) or site.callee is None:
            return False
        annotations, task = self._annotations(site.callee, site.library)
        place = CallSite(graph, site.step)
        rule = rule_at(self._workflow, place, site.callee, annotations, task, self._ctx.rows("guard"), self._named)
        if rule.refusal or rule.idempotent is not None:
            return not rule.refusal and bool(rule.idempotent)
        return self._cache is not None and bool(self._cache.declared_pure(graph, site.step, site.callee))

    @cached_property
    def _cache(self) -> EngineCache[Any, Any] | None:
        """The cache of the workflow, which knows what is declared pure: that may run twice as well."""
        if (facet := self._adapter.cache(self._plan)(self._workflow)) is not None:
            facet.rows = self._ctx.rows("cache")
        return facet

    def _decision(self, pod: Pod) -> Decision:
        names = ", ".join(pod.names)
        places = [*([f"logs: {pod.fused.logs}"] if pod.fused.logs else ()), *pod.fused.notes]
        places += ["after a failure, all of them run again"] if pod.retry is not None else []
        places += [f"all of them together have {pod.timeout.value} s"] if isinstance(pod.timeout, Literal) else []
        graph = pod.chain.graph.name
        return Decision(
            optimizer=self._options.name,
            workflow=self._workflow.label,
            subject=f"{graph}/{pod.chain.name}",
            action=f"run {names} in one pod, as {pod.fused.form}",
            reason="; ".join(["each waits for the one before it, and nothing else does", *places]),
            figures=pod.figures,
            affects=(*(f"{graph}/{name}" for name in pod.names), pod.fused.operation.name),
        )

    def _refusal(self, graph: Graph, cut: Cut) -> Decision:
        reasons = dict.fromkeys(_sentence(refusal, cut.second) for refusal in cut.refusals)
        return Decision(
            optimizer=self._options.name,
            workflow=self._workflow.label,
            subject=f"{graph.name}/{cut.second}",
            reason=f"it does not share a pod with the step before it: {'; '.join(reasons)}",
        )

    def _original(self) -> Iterator[object]:
        if self._workflow.source is not None and self._options.keep_original:
            document = int(self._workflow.source[0])
            file = self._plan.bundle.file_of(document)
            yield from self._facet.original(self._plan.bundle.name_of(document), file.text)


def _sentence(refusal: Refusal, second: str) -> str:
    """A refusal with what lifts it, for people."""
    who = "" if refusal.step == second or refusal.step in refusal.reason else f"{refusal.step!r}: "
    remedy = REMEDIES[refusal.word].format(step=refusal.step) if refusal.word else refusal.remedy
    return f"{who}{refusal.reason}" + (f" ({remedy})" if remedy else "")
