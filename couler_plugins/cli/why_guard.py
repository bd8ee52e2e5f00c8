"""What `guard` decides on a step that failed: it is applied to the workflow, where the record of the run has that."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from couler_plugins.driver.context import RunContext
from couler_plugins.driver.rewrite import adapter_errors, lift_files
from couler_plugins.errors import CoulerError
from couler_plugins.inputs.sources import Input
from couler_plugins.ir import Retry, SettableStep, call_sites
from couler_plugins.options.rows import Row
from couler_plugins.plugins import Plugins
from couler_plugins.reliability.application import apply_guard
from couler_plugins.reliability.diagnosis import Foreseen
from couler_plugins.reliability.optimizer import Guard
from couler_plugins.runs import Run, StepRun, site_of

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
    patterns = {"task": ran.type, "step": site_of(ran)}
    declaring = [Row("", {key: (name,)}, {"idempotent": True}) for key, name in patterns.items()]
    own, site = rows.get(Guard.name, ()), site_of(ran)
    files = [item.file for item in inputs if item.file is not None]
    retries: dict[str, Retry | None] = {}
    both: list[Foreseen] = []

    def look(step: SettableStep) -> SettableStep:
        retries[f"{step.graph}/{step.name}" if step.graph else getattr(step.call, "name", "")] = step.retry
        return step

    try:
        plan = lift_files(plugins.adapter(run.engine), files, range(len(files)), lambda *_: None)
        workflows = [one for one in plan.workflows if one.name == run.name]
        if len(workflows) == 1 and not ran.library and sum(1 for _ in call_sites(workflows[0])) <= MOST:
            alone = replace(plan, workflows=tuple(workflows), decisions=())
            for some in (own, (*own, *declaring)):
                with adapter_errors(run.engine, "what guard asks of it"):
                    after = apply_guard(
                        Guard(timeouts=False), alone, RunContext(plugins, rows={**rows, Guard.name: some})
                    )
                replace(after, decisions=()).map_steps(Guard.name, look, action="", reason="")
                said = [one for one in after.decisions if {site, ran.type} & {one.subject, *one.affects}]
                both += [
                    Foreseen(retries[site] if one.action else None, one.reason) for one in said[:1] if site in retries
                ]
    except CoulerError as error:  # what is known without it is said all the same
        log.info("%s", error)
    return both if len(both) > 1 else ()
