"""What runs cost, as text and as records of JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from couler_plugins.costs.estimate import FEWEST, HOUR, Range
from couler_plugins.costs.meter import CostMeter, RunCost, StepCost
from couler_plugins.ir import Workflow
from couler_plugins.options.prices import Price

UNITS = {"core_hours": "core-hours", "gib_hours": "GiB-hours", "gpu_hours": "GPU-hours", "money": "", "grams": "g CO2e"}
"""The units of `Amounts`, in the order of the text; that of money is its currency."""
HEADING = "Cost of a run without cache hits"
ADVICE = "For money and CO2e, add rows [[prices]] to couler.toml: see docs/cost.md."
MOST = 12
"""How many steps of a workflow are printed."""
DIGITS = 9
Columns = Callable[[Sequence[str], Sequence[Sequence[str]]], Iterator[str]]


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


class CostReport:
    """What runs cost; it has nothing of workflows that no past run knows.

    Args:
        prices: the rows of the settings.

    Attributes:
        meter: what computes it, to be put at the end of a pipeline.
    """

    def __init__(self, prices: tuple[Price, ...]) -> None:
        self.meter = CostMeter(prices)
        self._costs: list[tuple[str | None, RunCost]] = []

    def read(self, workflows: Sequence[tuple[str | None, Workflow | None]]) -> None:
        """Take over what the meter noted of workflows as they were read, each with the name of its file."""
        costs = [(name, self.meter.cost(workflow)) for name, workflow in workflows]
        self._costs = [(name, cost) for name, cost in costs if cost is not None]

    def records(self) -> list[dict[str, Any]]:
        """Return the costs for JSON."""
        return [_record(name, cost) for name, cost in self._costs]

    def lines(self, columns: Columns) -> Iterator[str]:
        """Yield a section for people.

        Args:
            columns: makes lines of the head and the rows of a table.
        """
        yield from ["", HEADING] if self._costs else []
        for _, cost in self._costs:
            table = cost_table(cost)
            yield f"  {cost.workflow}: {table.title}"
            yield from (f"    {line}" for line in columns(table.head, table.rows[: MOST + 1]))
            if len(cost.steps) > MOST:
                yield f"    and {len(cost.steps) - MOST:,} more steps"
            yield from (f"    {note}" for note in table.notes)
        if self._costs and not self.meter.prices:
            yield f"  {ADVICE}"

    def comments(self) -> Iterator[str]:
        """Yield lines for the head of a patch: what changes of the cost of each workflow."""
        for _, cost in self._costs:
            if cost.after is not None:
                yield f"# cost of a run of {cost.workflow}: {_change(cost)}"
                yield from (f"#   {text}" for text in (f"without cache hits; {_basis(cost)}", *cost.notes))


def _change(cost: RunCost) -> str:
    """Return what a run costs before and after: `12.1–15.3 core-hours → 4–5.1 core-hours; 1.2 USD → 0.41 USD`."""
    after = cost.after or cost.before
    units = {name: unit or cost.currency for name, unit in UNITS.items() if name in cost.before}
    sides = ([f"{_range(side[name])} {unit}" for side in (cost.before, after)] for name, unit in units.items())
    return "; ".join(_arrow(*texts) for texts in sides)


def _basis(cost: RunCost) -> str:
    if cost.runs >= FEWEST:
        return f"10th to 90th percentile of {cost.runs:,} past runs"
    return f"{cost.runs} past run{'' if cost.runs == 1 else 's'}, too few for a range"


def cost_table(cost: RunCost) -> CostTable:
    """Return the table of a run."""
    names = [name for name in UNITS if name in cost.before]
    after = cost.after or cost.before
    rows = [("a run", "", "", *(_arrow(_range(cost.before[name]), _range(after[name])) for name in names))]
    for step in cost.steps:
        cells = (_cells(getattr(step.before, name), getattr(step.after, name)) for name in names)
        rows.append((step.step, step.pool, figure_text(step.seconds / HOUR), *cells))
    head = ("step", "pool", "hours", *(UNITS[name] or cost.currency for name in names))
    if len({step.pool for step in cost.steps}) == 1:
        head, *rows = ((row[0], *row[2:]) for row in (head, *rows))
    return CostTable(f"{_basis(cost)}; steps at the median", head, rows, cost.notes)


def _cells(before: float | None, after: float | None) -> str:
    texts = ["?" if figure is None else figure_text(figure) for figure in (before, after)]
    return _arrow(*texts)


def _arrow(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _range(figures: Range) -> str:
    return "–".join(dict.fromkeys(map(figure_text, (figures.low, figures.high))))


def figure_text(figure: float) -> str:
    """Return a number with three digits, as far as they say something, and never as a power of ten."""
    if abs(figure) >= 100:
        return f"{figure:,.0f}"
    text = f"{figure:.3g}"
    return text if "e" not in text else f"{figure:.9f}".rstrip("0").rstrip(".")


def _record(name: str | None, cost: RunCost) -> dict[str, Any]:
    """Return the cost of a run for JSON; what is not known is left out of amounts."""
    return {
        "path": name,
        "workflow": cost.workflow,
        "runs": cost.runs,
        "currency": cost.currency or None,
        "before": _totals(cost.before),
        "after": None if cost.after is None else _totals(cost.after),
        "steps": list(map(_step, cost.steps)),
        "notes": list(cost.notes),
    }


def _totals(ranges: Mapping[str, Range]) -> dict[str, dict[str, float]]:
    return {name: _rounded(figures._asdict()) for name, figures in ranges.items()}


def _step(step: StepCost) -> dict[str, Any]:
    sides = {"before": _rounded(step.before._asdict()), "after": _rounded(step.after._asdict())}
    return {"step": step.step, "pool": step.pool or None, "seconds": step.seconds, **sides}


def _rounded(figures: Mapping[str, float | None]) -> dict[str, float]:
    """Return what is known, without the digits that come of binary fractions."""
    return {name: round(figure, DIGITS) for name, figure in figures.items() if figure is not None}
