"""Splits one workflow of a plan: measures it, cuts its graph, moves its steps, and makes the parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from typing import Literal as OneOf

from couler_plugins.caching.calls import is_cache
from couler_plugins.caching.keys import LINEAGE
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs import Context, Partitioner
from couler_plugins.hookspecs.dag import UNLIMITED, Budget, excess
from couler_plugins.hookspecs.splitting import Extent, Splitting
from couler_plugins.ir import Bond, Call, GraphView, Literal, Workflow, call_sites, move_into_graphs
from couler_plugins.parallelism.bonds import contract
from couler_plugins.parallelism.check import ask_partitioner
from couler_plugins.parallelism.cuts import Cut, earlier_labels
from couler_plugins.parallelism.graphing import Graphed, graphed
from couler_plugins.parallelism.report import Detached, explained
from couler_plugins.parallelism.staging import split_stages
from couler_plugins.plan import Decision, Plan

FILLS = (1.0, 0.9, 0.75, 0.5, 0.25)
"""Shares of the budget that are tried one after another, until all parts are within the limits when measured."""
PART = "part"
"""What parts are called, before their numbers."""
Into = OneOf["auto", "graphs", "workflows"]
NOTHING: Mapping[str, float] = MappingProxyType({})
LAUNCH = 10.0
"""Seconds that starting a part takes, where the partitioner does not say."""


@dataclass(frozen=True)
class Limits:
    """What a part may have where the user says so; None for the engine's own limits."""

    bytes: int | None = None
    steps: int | None = None
    pods: int | None = None

    def __post_init__(self) -> None:
        """Refuses what makes no sense, also where nothing is to be split.

        Raises:
            InvalidInput: a limit is below 1.
        """
        Budget(self.bytes, self.steps, self.pods)

    def extent(self, engine: Extent) -> Extent:
        """The limits of a workflow as its engine counts it."""
        return engine._replace(bytes=self.bytes or engine.bytes, steps=self.steps or engine.steps)


@dataclass(frozen=True)
class _Job:
    """One workflow that is over its limits.

    Attributes:
        workflow: before it is split.
        facet: what its engine knows of it.
        view: its graph, as partitioners see it.
        most: what each workflow may have in the end.
        pods: what a part may start; None for no limit.
        over: what it has too much of.
        rank: 0 for a workflow of the user's, 1 for its coordinator, and so on.
    """

    workflow: Workflow
    facet: Splitting
    view: Graphed
    most: Extent
    pods: int | None
    over: tuple[str, ...]
    rank: int

    @property
    def prefix(self) -> str:
        """What its parts are called, before their numbers."""
        return "-".join([PART, *["group"] * self.rank])


class Splitter:
    """Splits workflows of a plan, each with its facet.

    Args:
        partitioner: how graphs are cut.
        limits: what a part may have.
        into: what parts become: graphs, workflows, or what is needed (`auto`).
        keep_original: whether the text of what becomes several workflows is kept beside them.
        ctx: what optimizers may ask for.
    """

    def __init__(self, partitioner: Partitioner, limits: Limits, into: Into, keep_original: bool, ctx: Context) -> None:
        self._partitioner = partitioner
        self._limits = limits
        self._into = into
        self._keep_original = keep_original
        self._ctx = ctx

    def split(
        self, plan: Plan, workflow: Workflow, facet: Splitting, rank: int = 0, seconds: Mapping[str, float] = NOTHING
    ) -> Plan:
        """The plan with a workflow split; the same where it is within the limits.

        Args:
            plan: the plan.
            workflow: one of its workflows.
            facet: what its engine knows of it.
            rank: 0 for a workflow of the user's, 1 for its coordinator, and so on.
            seconds: the seconds of the parts that a coordinator starts.

        Raises:
            InvalidInput: a step, or steps that have to stay together, are over the budget.
            Unsupported: the workflow is over the limits and cannot be split.
        """
        most, pods = self._limits.extent(facet.limits), self._limits.pods
        if rank:  # a coordinator is no part: it may have all the steps that its engine takes
            most, pods = most._replace(steps=facet.limits.steps), None
        view = graphed(workflow, facet, self._ctx, seconds)
        extent = facet.extent(workflow)
        over = (*excess(extent, most), *_excess_of_pods(view, pods))
        if not over:
            return plan
        self._ctx.progress(f"splitting {workflow.label}")
        job = _Job(workflow, facet, view, most, pods, over, rank)
        bonds = facet.bonds()
        # A coordinator that has too many steps is no reason to start workflows that start workflows.
        into = "auto" if rank else self._into
        only_steps = list(over) == excess(extent._replace(bytes=0, definitions=0), most)
        if into == "graphs" and not facet.nests:
            reason = f"into=graphs is not supported by {workflow.engine}: {workflow.label} cannot be split into graphs"
            raise InvalidInput(reason, hint="leave out into=graphs")
        keyed = _keyed_by_values(workflow, facet.graph)
        if into == "graphs" and keyed:
            reason = f"the cache key of {keyed!r} names the steps that its values come from, and these would move"
            raise InvalidInput(reason, hint="leave out into=graphs, or put cache after split in the pipeline")
        if facet.nests and (into == "graphs" or (into == "auto" and only_steps and not keyed)):
            inside = self._nested(plan, job, bonds, into)
            if inside is not None:
                return inside
            if into == "graphs":
                reason = f"{workflow.label} is over its limits even with its steps in separate graphs"
                raise InvalidInput(reason, hint="leave out into=graphs")
        return self._detached(plan, job, bonds)

    def _nested(self, plan: Plan, job: _Job, bonds: Sequence[Bond], into: Into) -> Plan | None:
        """The plan with parts that are graphs of the same workflow; None where that is still too large, or spoils keys.

        Raises:
            InvalidInput: it spoils keys, and the user wants graphs.
        """
        budget = Budget(steps=_limited(job.most.steps))
        cut = self._cut(job, bonds, budget)
        new = move_into_graphs(job.workflow, job.facet.graph, cut.members).workflow
        if excess(job.facet.extent(new), job.most):
            return None
        if keyed := _keyed_by_order(new, job.facet.graph):
            if into == "auto":
                return None
            reason = f"the cache key of {keyed!r} covers what runs before it, which would be a whole graph"
            raise InvalidInput(reason, hint="leave out into=graphs, or put cache after split in the pipeline")
        plan = plan.with_workflow(job.workflow, new, *self._explained(cut, job, budget))
        return dataclasses.replace(plan, parts=(*plan.parts, *cut.named))

    def _detached(self, plan: Plan, job: _Job, bonds: Sequence[Bond]) -> Plan:
        """The plan with parts that are workflows of their own; a coordinator that is too big is split again."""
        whole = Budget(job.most.bytes, _steps(job), job.pods)
        large: list[tuple[str, str]] = []
        for share in FILLS:
            cut = self._cut(job, bonds, whole.scaled(share))
            detached = job.facet.detach(cut.members)
            extents = [job.facet.extent(part) for part in detached.workflows]
            pairs = zip(detached.workflows, extents, strict=True)
            large = [(part.label, what) for part, extent in pairs for what in excess(extent, job.most)]
            if not large:
                break
        else:
            part, what = large[0]
            hint = "raise max-steps, max-bytes or max-pods, or make what the steps call smaller"
            raise InvalidInput(f"{part}, a part of {job.workflow.label}, still has {what}", hint=hint)
        if job.rank and len(cut.parts) == len(job.view.dag):
            reason = (
                f"the workflow that starts the parts of {job.workflow.label} has {' and '.join(job.over)}, "
                "and cannot be smaller"
            )
            raise InvalidInput(reason, hint="raise max-steps, max-bytes or max-pods, for fewer and larger parts")
        _refuse_taken(plan, detached.workflows)
        launch = float(getattr(self._partitioner, "launch", LAUNCH))
        decisions = self._explained(cut, job, whole, Detached(detached, extents, launch))
        plan = plan.with_workflow(job.workflow, detached.coordinator, *decisions)
        at = plan.workflows.index(detached.coordinator)
        beside = [*detached.side, *(() if job.rank else self._original(plan, job))]
        plan = dataclasses.replace(
            plan,
            workflows=(*plan.workflows[:at], *detached.workflows, *plan.workflows[at:]),
            parts=(*plan.parts, *cut.named),
            links=(*plan.links, *detached.links),
            side=(*plan.side, *(document for document in beside if document not in plan.side)),
        )
        inner = self._ctx.adapter(job.workflow.engine).splitting(detached.coordinator, plan)
        if inner is None:
            return plan
        return self.split(plan, detached.coordinator, inner, job.rank + 1, cut.seconds(launch))

    def _explained(self, cut: Cut, job: _Job, most: Budget, detached: Detached | None = None) -> Iterable[Decision]:
        return explained(cut, job.over, most, detached, bounded=self._ctx.explains)

    def _original(self, plan: Plan, job: _Job) -> tuple[Any, ...]:
        if job.workflow.source is None or not self._keep_original:
            return ()
        document = int(job.workflow.source[0])
        return job.facet.original(plan.bundle.name_of(document), plan.bundle.file_of(document).text)

    def _cut(self, job: _Job, bonds: Sequence[Bond], budget: Budget) -> Cut:
        contraction = contract(job.view.dag, bonds, budget)
        previous = self._ctx.previous(job.workflow)
        if job.view.stages is not None:
            labels: Sequence[int] = split_stages(contraction, job.view.stages, budget)
        else:
            before = earlier_labels(previous, contraction.dag.names)
            labels = ask_partitioner(self._partitioner, contraction.dag, budget, before).labels
        return Cut(job.workflow, job.view, contraction, tuple(contraction.expand(labels)), budget, job.prefix, previous)


def _keyed_by_values(workflow: Workflow, graph: str) -> str:
    """A step of a graph whose lineage the run knows only; empty for none.

    From a graph of its own it would look otherwise: what such a step comes after is the input of that graph there.
    """
    steps = next((item.steps for item in workflow.graphs if item.name == graph), ())
    late = (
        step.name
        for step in steps
        for argument in step.arguments
        if argument.name.startswith(LINEAGE) and not isinstance(argument.value, Literal)
    )
    return next(late, "")


def _keyed_by_order(workflow: Workflow, graph: str) -> str:
    """A step with a cache key where parts of the graph run one after the other; empty for none.

    A key covers what runs before its step, and a graph is something else there than the steps in it.
    """
    parts = next(item for item in workflow.graphs if item.name == graph)
    if not any(GraphView(parts).edges()) and len(parts.stages or ()) < 2:
        return ""
    cached = {item.name for item in workflow.operations if any(map(is_cache, item.directives))}
    return next(
        (
            site.step.name
            for site in call_sites(workflow)
            if any(map(is_cache, site.step.directives))
            or (isinstance(site.step.call, Call) and site.step.call.name in cached)
        ),
        "",
    )


def _steps(job: _Job) -> int | None:
    """How many steps a part may have, so that the definitions that they call fit beside its own."""
    room = job.most.definitions - job.facet.wrapper.definitions
    # As a rule, a part has no more definitions than steps, and never more than there are.
    few = job.facet.extent(job.workflow).definitions <= room
    return _limited(job.most.steps if few else min(job.most.steps, room))


def _limited(amount: int) -> int | None:
    return amount if amount < UNLIMITED else None


def _refuse_taken(plan: Plan, workflows: Sequence[Workflow]) -> None:
    """Refuses parts that are called as something that is there already.

    Raises:
        InvalidInput: one is.
    """
    identities = {(workflow.kind, workflow.namespace, workflow.name) for workflow in plan.workflows}
    for workflow in workflows:
        if (workflow.kind, workflow.namespace, workflow.name) in identities:
            reason = f"split part name {workflow.name!r} collides with an existing {workflow.kind}"
            raise InvalidInput(reason, hint="rename one of the two workflows")


def _excess_of_pods(view: Graphed, limit: int | None) -> Iterator[str]:
    pods = sum(view.dag.pods)
    if limit is not None and pods > limit:
        yield f"{pods:,} pods of at most {limit:,}"
