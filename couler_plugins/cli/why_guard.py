"""What `guard` decides on a step that failed: it is applied to the workflow, where the record of the run has that."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from couler_plugins.driver.context import RunContext
from couler_plugins.driver.rewrite import Session, adapter_errors
from couler_plugins.driver.session import lift_each
from couler_plugins.errors import CoulerError
from couler_plugins.inputs.sources import Input
from couler_plugins.ir import Retry, SettableStep, call_sites
from couler_plugins.options.rows import Row
from couler_plugins.plan import Plan
from couler_plugins.plugins import Plugins
from couler_plugins.reliability.application import apply_guard
from couler_plugins.reliability.diagnosis import Foreseen
from couler_plugins.reliability.optimizer import Guard
from couler_plugins.runs import Run, StepRun
from couler_plugins.runs.run import site_of

MOST = 200
"""Calls of a workflow that is looked at: `guard` takes a second for so many, and more than in proportion for others."""
log = logging.getLogger(__name__)


def foresee(
    inputs: Sequence[Input], run: Run, ran: StepRun, plugins: Plugins, rows: Mapping[str, Sequence[Row]]
) -> Sequence[Foreseen]:
    """Return what `guard` decides on a step as it is, and if it were declared; nothing where that cannot be said.

    Args:
        inputs: the files that tell of the run.
        run: the run.
        ran: the step that failed.
        plugins: where adapters come from.
        rows: the rows of the settings, by the optimizer that they are for.
    """
    named = {"task": ran.type, "step": site_of(ran)}
    declaring = [Row("", {key: (name,)}, {"idempotent": True}) for key, name in named.items()]
    own = rows.get(Guard.name, ())
    try:
        plans = lift_each(inputs, Session(plugins=plugins), lambda *_: None)
        mine = [
            replace(plan, workflows=(workflow,), decisions=())
            for plan in plans
            for workflow in plan.workflows
            if (workflow.engine, workflow.name) == (run.engine, run.name)
        ]
        if len(mine) != 1 or ran.library or sum(1 for _ in call_sites(mine[0].workflows[0])) > MOST:
            return ()
        with adapter_errors(run.engine, "what guard asks of it"):
            contexts = [RunContext(plugins, rows={**rows, Guard.name: each}) for each in (own, (*own, *declaring))]
            both = [_decided(mine[0], ran, ctx) for ctx in contexts]
    except CoulerError as error:  # what is known without it is said all the same
        log.info("%s", error)
        return ()
    return [one for one in both if one is not None] if None not in both else ()


def _decided(plan: Plan, ran: StepRun, ctx: RunContext) -> Foreseen | None:
    """Return what `guard` writes for a step; None where the workflow has no such step."""
    after = apply_guard(Guard(timeouts=False), plan, ctx)
    retries: dict[str, Retry | None] = {}

    def look(step: SettableStep) -> SettableStep:
        retries[f"{step.graph}/{step.name}" if step.graph else getattr(step.call, "name", "")] = step.retry
        return step

    replace(after, decisions=()).map_steps(Guard.name, look, action="", reason="")
    said = [one for one in after.decisions if {site_of(ran), ran.type} & {one.subject, *one.affects}]
    if site_of(ran) not in retries or not said:
        return None
    return Foreseen(retries[site_of(ran)] if said[0].action else None, said[0].reason)
