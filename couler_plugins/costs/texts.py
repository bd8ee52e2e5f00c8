"""Costs of runs as text and as records of JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from couler_plugins.costs.estimate import FEWEST, Amounts, Range
from couler_plugins.costs.meter import RunCost, StepCost

UNITS = {"core_hours": "core-hours", "gib_hours": "GiB-hours", "gpu_hours": "GPU-hours", "money": "", "grams": "g CO2e"}
"""The units of `Amounts`, in the order of the text; that of money is its currency."""
ADVICE = "to see money and CO2e, add rows [[prices]] to couler.toml: see docs/cost.md"


class CostTable(NamedTuple):
    """What the steps of a run cost.

    Attributes:
        head: the names of the columns.
        rows: a row for each step.
        rest: how many steps have no row.
    """

    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    rest: int


def change_text(cost: RunCost) -> str:
    """Return what a run costs before and after: `12.1–15.3 core-hours → 4–5.1; 1.2 USD → 0.41 USD`."""
    return "; ".join(_change(name, cost) for name in UNITS if name in cost.before)


def _change(name: str, cost: RunCost) -> str:
    before, after = _range(cost.before[name]), _range((cost.after or cost.before)[name])
    unit = UNITS[name] or cost.currency
    return f"{before} {unit}" + (f" → {after}" if after != before else "")


def basis_text(cost: RunCost) -> str:
    """Return what the figures rest on."""
    if cost.runs >= FEWEST:
        return f"10th to 90th percentile of {cost.runs:,} past runs"
    return f"{cost.runs} past run{'' if cost.runs == 1 else 's'}: too few for a range"


def cost_table(cost: RunCost, most: int) -> CostTable:
    """Return the most expensive steps.

    Args:
        cost: that of the run.
        most: how many rows there are at most.
    """
    names = [name for name in UNITS if name in cost.before]
    rows = []
    for step in cost.steps[:most]:
        cells = (_cells(getattr(step.before, name), getattr(step.after, name)) for name in names)
        rows.append((step.step, step.pool, figure_text(step.seconds / 3600), *cells))
    head = ("step", "pool", "hours", *(UNITS[name] or cost.currency for name in names))
    if not any(row[1] for row in rows):
        head, rows = (head[0], *head[2:]), [(row[0], *row[2:]) for row in rows]
    return CostTable(head, rows, len(cost.steps) - len(rows))


def _cells(before: float | None, after: float | None) -> str:
    texts = ["?" if figure is None else figure_text(figure) for figure in (before, after)]
    return " → ".join(dict.fromkeys(texts))


def _range(figures: Range) -> str:
    return "–".join(dict.fromkeys(map(figure_text, (figures.low, figures.high))))


def figure_text(figure: float) -> str:
    """Return a number with three digits, as far as they say something, and never as a power of ten."""
    if abs(figure) >= 100:
        return f"{figure:,.0f}"
    text = f"{figure:.3g}"
    return text if "e" not in text else f"{figure:.9f}".rstrip("0").rstrip(".")


def cost_record(cost: RunCost) -> dict[str, Any]:
    """Return the cost of a run for JSON; what is not known is left out of amounts."""
    return {
        "workflow": cost.workflow,
        "runs": cost.runs,
        "currency": cost.currency or None,
        "before": _totals(cost.before),
        "after": None if cost.after is None else _totals(cost.after),
        "steps": list(map(_step, cost.steps)),
        "notes": list(cost.notes),
    }


def _totals(ranges: Mapping[str, Range]) -> dict[str, dict[str, float]]:
    return {name: figures._asdict() for name, figures in ranges.items()}


def _step(step: StepCost) -> dict[str, Any]:
    sides = {"before": dict(_filled(step.before)), "after": dict(_filled(step.after))}
    return {"step": step.step, "pool": step.pool or None, "seconds": step.seconds, **sides}


def _filled(amounts: Amounts) -> Iterator[tuple[str, float]]:
    return ((name, value) for name, value in amounts._asdict().items() if value is not None)
