"""Costs of runs beside what optimizers do, where past runs are named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from couler_plugins.cli.outputs import columns
from couler_plugins.cli.work import FileCall
from couler_plugins.costs.meter import CostMeter, RunCost
from couler_plugins.costs.texts import ADVICE, basis_text, change_text, cost_record, cost_table
from couler_plugins.driver.pipeline import parse_pipeline
from couler_plugins.driver.results import Result
from couler_plugins.driver.rewrite import Session
from couler_plugins.driver.session import optimize_inputs
from couler_plugins.hookspecs import Optimizer

MOST = 12
"""How many steps of a workflow are printed."""
HEADING = "Cost of a run without cache hits"


class Measured(NamedTuple):
    """What optimizers made of files, and what runs cost.

    Attributes:
        result: what they made.
        costs: of the workflows that past runs know, by their position in `result.workflow_versions`.
    """

    result: Result
    costs: dict[int, RunCost]

    def records(self) -> dict[str, Any]:
        """Return the costs for JSON; nothing where no past run is named."""
        versions, files = self.result.workflow_versions, self.result.files
        return {
            "cost": [
                {"path": None if (file := versions[number].file) is None else files[file].name, **cost_record(cost)}
                for number, cost in self.costs.items()
            ]
        } if self.costs else {}


def measure(call: FileCall, session: Session, optimizers: Sequence[Optimizer] | None = None) -> Measured:
    """Optimize the files of a call, and compute costs where past runs are named.

    Args:
        call: the call.
        session: what to work with.
        optimizers: what to run; None for the pipeline of the call.
    """
    optimizers = parse_pipeline(call.config.pipeline, session.plugins) if optimizers is None else optimizers
    if not session.history:
        return Measured(optimize_inputs(call.files, optimizers, session), {})
    meter = CostMeter(call.config.prices)
    result = optimize_inputs(call.files, [*optimizers, meter], session)
    versions = tuple(replace(item, versions=item.versions[:-1]) for item in result.workflow_versions)
    result = replace(result, optimizers=result.optimizers[:-1], workflow_versions=versions)
    costs = ((number, meter.cost(item.versions[0])) for number, item in enumerate(versions))
    return Measured(result, {number: cost for number, cost in costs if cost is not None})


def cost_lines(costs: Sequence[RunCost], *, priced: bool) -> Iterator[str]:
    """Yield what runs cost, for `couler explain`; nothing where no past run is named.

    Args:
        costs: those of the workflows.
        priced: whether the settings have prices.
    """
    if costs:
        yield HEADING
    for cost in costs:
        yield f"  {cost.workflow}: {change_text(cost)} ({basis_text(cost)})"
        table = cost_table(cost, MOST)
        yield from (f"    {line}" for line in columns(table.head, table.rows))
        if table.rest:
            yield f"    and {table.rest:,} more"
        yield from (f"    {note}" for note in cost.notes)
    if costs and not priced:
        yield f"  {ADVICE}"


def change_lines(costs: Sequence[RunCost]) -> Iterator[str]:
    """Yield a line for each workflow whose cost changes, for the head of a patch."""
    for cost in costs:
        if cost.after is not None:
            yield f"# cost of a run of {cost.workflow}: {change_text(cost)} ({basis_text(cost)}; without cache hits)"
            yield from (f"#   {note}" for note in cost.notes)
