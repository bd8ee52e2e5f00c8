"""Says of workflows that are too big for their engine that they could be split."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.errors import CoulerError
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.budget import excess
from couler_plugins.ir import Workflow
from couler_plugins.plan import Decision, Plan

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
