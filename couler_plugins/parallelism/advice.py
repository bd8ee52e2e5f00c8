"""Says of workflows that are too big for their engine that they could be split."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from couler_plugins.parallelism.application import excess
from couler_plugins.plan import Decision

if TYPE_CHECKING:
    from couler_plugins.hookspecs import Context
    from couler_plugins.plan import Plan

__all__ = ["SplitAdvice"]


@dataclass(frozen=True)
class SplitAdvice:
    """Advise splitting where a workflow has more than its engine takes, or takes well; change nothing."""

    name: ClassVar[str] = "split-advice"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with a decision about every workflow that is over its engine's limits."""
        said = []
        for workflow in plan.workflows:
            offered = getattr(ctx.adapter(workflow.engine), "splitting", None)  # a facet, which an adapter may lack
            facet = offered(workflow, plan) if offered is not None else None
            over = [] if facet is None else excess(facet.extent(workflow), facet.limits)
            if over:
                reason = f"it has {' and '.join(over)}; split makes parts of it (couler explain -p split says which)"
                document = None if workflow.source is None else int(workflow.source[0])
                said.append(Decision(optimizer=self.name, workflow=workflow.label, reason=reason, document=document))
        return dataclasses.replace(plan, decisions=(*plan.decisions, *said)) if said else plan
