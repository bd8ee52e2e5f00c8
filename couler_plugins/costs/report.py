"""What runs cost, as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from couler_plugins.costs.estimate import FEWEST, HOUR, Range
from couler_plugins.costs.meter import CostMeter, RunCost
from couler_plugins.ir import Workflow

__all__ = ["CostMeter", "CostReport", "cost_table", "figure_text"]

UNITS = {"core_hours": "core-hours", "gib_hours": "GiB-hours", "gpu_hours": "GPU-hours", "money": "", "grams": "g CO2e"}
"""The units of `Amounts`, in the order of the text; that of money is its currency."""
MOST = 12
"""How many steps of a workflow are printed."""


class CostTable(NamedTuple):
    """What a run costs, and its steps at the median.

    Attributes:
        title: what the figures rest on.
        head: the names of the columns.
        rows: one for the run, and one for each step, the most expensive first.
        notes: what is not in it, and why.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]


def cost_table(cost: RunCost) -> CostTable:
    """Return the table of a run."""
    units = _units(cost)
    rows = [("a run", "", "", *(_arrow(*_ends(cost, name)) for name in units))]
    for step in cost.steps:
        amounts = ([getattr(side, name) for side in (step.before, step.after)] for name in units)
        cells = (_arrow(*("?" if one is None else figure_text(one) for one in pair)) for pair in amounts)
        rows.append((step.step, step.pool, figure_text(step.seconds / HOUR), *cells))
    head = ("step", "pool", "hours", *units.values())
    if len({step.pool for step in cost.steps}) == 1:
        head, *rows = ((row[0], *row[2:]) for row in (head, *rows))
    return CostTable(f"{_basis(cost)}; steps at the median", head, rows, cost.notes)


class CostReport(NamedTuple):
    """What runs cost, for the commands.

    Attributes:
        costs: of the workflows that past runs know.
        meter: what has computed them.
    """

    costs: Sequence[RunCost]
    meter: CostMeter

    def table(self, workflow: Workflow | None) -> CostTable | None:
        """Return the table of a workflow, as it was read; None where no past run knows it."""
        cost = self.meter.cost(workflow)
        return None if cost is None else cost_table(cost)

    def lines(self, columns: Callable[[Sequence[str], Sequence[Sequence[str]]], Iterator[str]]) -> Iterator[str]:
        """Yield a section for people; `columns` makes lines of the head and the rows of a table."""
        yield from ["", "Cost of a run without cache hits"] if self.costs else []
        for cost in self.costs:
            title, head, rows, notes = cost_table(cost)
            more = [f"and {len(cost.steps) - MOST:,} more steps"] if len(cost.steps) > MOST else []
            yield f"  {cost.workflow}: {title}"
            yield from (f"    {line}" for line in (*columns(head, rows[: MOST + 1]), *more, *notes))
        if self.costs and not self.meter.prices:
            yield "  For money and CO2e, add rows [[prices]] to couler.toml: see docs/cost.md."

    def comments(self) -> Iterator[str]:
        """Yield lines for the head of a patch: `# cost of a run of train: 12.1–15.3 core-hours → 4–5.1 core-hours`."""
        for cost in (cost for cost in self.costs if cost.after is not None):
            changes = (_arrow(*(f"{end} {unit}" for end in _ends(cost, name))) for name, unit in _units(cost).items())
            yield f"# cost of a run of {cost.workflow}: {'; '.join(changes)}"
            yield from (f"#   {text}" for text in (f"without cache hits; {_basis(cost)}", *cost.notes))


def figure_text(figure: float) -> str:
    """Return a number with three digits, as far as they say something, and never as a power of ten."""
    if abs(figure) >= 100:
        return f"{figure:,.0f}"
    text = f"{figure:.3g}"
    return text if "e" not in text else f"{figure:.9f}".rstrip("0").rstrip(".")


def _units(cost: RunCost) -> dict[str, str]:
    return {name: unit or cost.currency for name, unit in UNITS.items() if name in cost.before}


def _ends(cost: RunCost, name: str) -> tuple[str, str]:
    """Return the ranges of an amount before and after."""
    return _range(cost.before[name]), _range((cost.after or cost.before)[name])


def _range(figures: Range) -> str:
    return "–".join(dict.fromkeys(map(figure_text, (figures.low, figures.high))))


def _arrow(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _basis(cost: RunCost) -> str:
    if cost.runs >= FEWEST:
        return f"10th to 90th percentile of {cost.runs:,} past runs"
    return f"{cost.runs} past run{'' if cost.runs == 1 else 's'}, too few for a range"
