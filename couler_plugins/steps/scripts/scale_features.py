"""Brings columns of numbers to one scale."""

from typing import Literal

from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import kept_table, numbers, table


def main(
    data: str,
    method: Literal["standard", "min-max", "robust"],
    columns: list[str],
    keep: list[str],
    fit: str,
    store: str,
) -> dict[str, object]:
    """The table with these columns scaled as the table `fit` (or this one) says; one that is constant becomes 0."""
    frame = table(data)
    base = table(fit) if fit else frame
    names = numbers(base, columns, keep)
    existing = base[names]
    if method == "standard":
        middle, width = existing.mean(), existing.std(ddof=0)
    elif method == "min-max":
        middle, width = existing.min(), existing.max() - existing.min()
    else:
        middle, width = existing.median(), existing.quantile(0.75) - existing.quantile(0.25)
    numbers(frame, names, [])
    frame[names] = (frame[names] - middle) / width.replace(0, 1)
    return {"data": kept_table(frame, store)}


if __name__ == "__main__":
    run(main)
