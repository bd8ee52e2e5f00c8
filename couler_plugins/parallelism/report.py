"""What is said of a split: why, into what, what it costs, and which workflows would need one."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from couler_plugins.errors import CoulerError
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.dag import Budget, excess
from couler_plugins.hookspecs.splitting import Extent, Parts
from couler_plugins.ir import Scalar, Workflow
from couler_plugins.parallelism.check import Part
from couler_plugins.parallelism.cuts import Cut
from couler_plugins.plan import Decision, Plan

NAME = "split"
BEFORE = "critical path seconds before"
AFTER_AT_LEAST = "critical path seconds at least"
LAUNCH_EACH = "launch seconds a part"
Figures = tuple[tuple[str, "Scalar"], ...]


class Detached(NamedTuple):
    """Parts that are workflows of their own.

    Attributes:
        parts: what they became.
        extents: how large each is, as its engine counts it.
        launch: seconds that starting one takes.
    """

    parts: Parts
    extents: Sequence[Extent]
    launch: float


def explained(
    cut: Cut, over: Sequence[str], most: Budget, detached: Detached | None = None, *, bounded: bool = True
) -> Iterator[Decision]:
    """Decisions for the workflow, one for each part, and one for each set of steps that have to stay together.

    Args:
        cut: what was cut.
        over: what the workflow has too much of.
        most: what a part may have.
        detached: what the parts became; None for graphs of the same workflow.
        bounded: whether to say how good a cut could be at best.
    """
    label, dag = cut.workflow.label, cut.view.dag
    unknown = cut.view.unknown_seconds
    guess = ""
    if unknown:
        their = f"its {len(dag):,} steps" if unknown == len(dag) else f"{unknown:,} of its {len(dag):,} steps"
        guess = f"; the times of {their} are not known, and are estimated (see --history)"
    yield Decision(
        optimizer=NAME,
        workflow=label,
        action=f"split into {len(cut.parts):,} {'graphs of the same workflow' if detached is None else 'workflows'}",
        reason=f"it has {' and '.join(over)}{guess}",
        figures=_totals(cut, most, detached, bounded),
        affects=tuple(cut.parts),
    )
    for at, (name, part) in enumerate(cut.parts.items()):
        yield Decision(
            optimizer=NAME,
            workflow=label if detached is None else detached.parts.workflows[at].label,
            subject=name,
            action="make a part",
            reason="to keep the workflow as parallel as possible",
            figures=_figures(part, most) if detached is None else _exact_figures(part, most, detached, at),
        )
    beside = () if detached is None else detached.parts.workflows[len(cut.parts) :]
    for workflow in beside:
        reason = "it runs after all others, whatever their outcome"
        yield Decision(optimizer=NAME, workflow=workflow.label, action="make a part", reason=reason)
    notes = detached.parts.notes if detached is not None else ()
    yield from (Decision(optimizer=NAME, workflow=label, action=action, reason=reason) for action, reason in notes)
    for group, reasons in zip(cut.contraction.groups, cut.contraction.reasons, strict=True):
        if reasons:
            steps = tuple(dag.names[step] for step in group)
            yield Decision(
                optimizer=NAME,
                workflow=label,
                subject=steps[0],
                reason=f"stays in one part with others: {'; '.join(reasons)}",
                figures=(("steps together", len(steps)),),
                affects=steps[1:],
            )
    for step in cut.view.unknown_pods:
        reason = "the number of pods of its loop is only known at run time, so it counts as one"
        yield Decision(optimizer=NAME, workflow=label, subject=step, reason=reason)


def _totals(cut: Cut, most: Budget, detached: Detached | None, bounded: bool) -> Figures:
    launch = 0.0 if detached is None else detached.launch
    before, after = cut.makespans(launch)
    links = {(link.producer, link.output, link.consumer) for link in detached.parts.links} if detached else set()
    limits = (("bytes", most.bytes), ("steps", most.steps), ("pods", most.pods))
    return (
        ("parts", len(cut.parts)),
        *((f"{name} a part may have", int(limit)) for name, limit in limits if limit is not None),
        ("steps read by other parts", len({step for part in cut.parts.values() for step in part.reads})),
        *((("values crossing", len(links)),) if detached else ()),
        (BEFORE, round(before, 1)),
        ("critical path seconds after", round(after, 1)),
        *(((AFTER_AT_LEAST, round(cut.bound(launch), 1)),) if bounded else ()),
        (LAUNCH_EACH, launch),
    )


def _figures(part: Part, most: Budget) -> Figures:
    """Of a part that is a graph: what it is counted as, and the steps that cross its border."""
    share = _share(most, 0, part.steps, part.pods)
    crossing = (("steps in", len(part.reads)), ("steps out", len(part.read)))
    return (("steps", part.steps), ("pods", part.pods), ("% of budget", share), *crossing)


def _exact_figures(part: Part, most: Budget, detached: Detached, at: int) -> Figures:
    """Of a part that is a workflow: its own bytes beside what they were taken for, and the values that cross."""
    plan_made, exact = detached.parts, detached.extents[at].bytes
    name = plan_made.workflows[at].label
    return (
        ("steps", part.steps),
        ("pods", part.pods),
        ("bytes", exact),
        ("estimated bytes", part.bytes),
        ("% of budget", _share(most, exact, part.steps, part.pods)),
        ("values in", len({(link.producer, link.output) for link in plan_made.links if link.consumer == name})),
        ("values out", len({link.output for link in plan_made.links if link.producer == name})),
    )


def _share(most: Budget, *amounts: int) -> int:
    """Percent, rounded down, of that component of the budget of which the most is used."""
    return max(100 * amount // limit for amount, limit in zip(amounts, most.limits, strict=True))


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SplitAdvice:
    """Advise splitting where a workflow has more than its engine takes, or takes well; change nothing."""

    name: ClassVar[str] = "split-advice"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Return the plan with a decision about every workflow that is over its engine's limits.

        Advice never raises: a workflow that cannot be measured gets a decision that says why.
        """
        said = []
        for workflow in plan.workflows:
            if reason := _advice(workflow, plan, ctx):
                document = None if workflow.source is None else int(workflow.source[0])
                said.append(Decision(optimizer=self.name, workflow=workflow.label, reason=reason, document=document))
        return dataclasses.replace(plan, decisions=(*plan.decisions, *said)) if said else plan


def _advice(workflow: Workflow, plan: Plan, ctx: Context) -> str:
    """Return what to say of the size of a workflow; nothing where its engine takes it well."""
    adapter = ctx.adapter(workflow.engine)
    try:
        facet = adapter.splitting(workflow, plan)
        over = [] if facet is None else excess(facet.extent(workflow), facet.limits)
    except CoulerError as error:
        return f"its size is not known: {error.message}"
    except Exception as error:
        log.debug("the size of %s is not known", workflow.label, exc_info=True)
        return f"its size is not known, which is an error in the adapter of {workflow.engine}: {error!r}"
    return f"it has {' and '.join(over)}; split can cut it into parts (see couler explain -p split)" if over else ""
