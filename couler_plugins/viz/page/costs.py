"""What a run of a workflow costs, on its page: a table below the heading, and a line for each step."""

from __future__ import annotations

from collections.abc import Sequence

from couler_plugins.viz.page.markup import Markup, clean, element

MOST = 50
"""Rows that are shown."""
Costs = tuple[str, Sequence[str], Sequence[Sequence[str]], Sequence[str]]
"""What figures rest on; the head of a table and its rows, the first of the run and one for each step; notes."""


def cost_table(costs: Costs | None) -> Markup:
    """Return the table, folded; nothing where no past run is known."""
    if costs is None:
        return Markup()
    title, head, rows, notes = costs
    lines = [element("tr", *(element("th", cell, scope="col") for cell in head))]
    lines += [
        element("tr", element("th", row[0], scope="row"), *(element("td", cell) for cell in row[1:]))
        for row in rows[:MOST]
    ]
    whole = "; ".join(_cells(head, rows[0]))
    more = [f"and {len(rows) - MOST:,} more steps: see their details"] if len(rows) > MOST else []
    remarks = (element("p", note, class_="count") for note in (*more, f"{title}; without cache hits", *notes))
    return element(
        "details",
        element("summary", element("b", "Cost of a run"), f" {whole}"),
        element("div", element("table", *lines), class_="frame"),
        *remarks,
        class_="cost",
    )


def cost_facts(costs: Costs | None) -> dict[str, list[tuple[str, str]]]:
    """Return what to say of the cost of each step, by its label, as `step_facts` does."""
    _, head, rows, _ = costs or ("", (), [()], ())
    return {row[0]: [("cost of a run", clean("; ".join(_cells(head, row))))] for row in rows[1:]}


def _cells(head: Sequence[str], row: Sequence[str]) -> list[str]:
    return [f"{cell} {unit}" for unit, cell in zip(head[1:], row[1:], strict=True) if cell]
