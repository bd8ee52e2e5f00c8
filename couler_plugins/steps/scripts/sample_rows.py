"""Draws rows of a table by chance."""

import sys

from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import kept_table, table


def main(data: str, rows: int, share: float, seed: int, store: str) -> dict[str, object]:
    """That many rows, or that share of them where no number is given; each at most once, in their order."""
    frame = table(data)
    if not 0 <= share <= 1 or rows < 0:
        sys.exit("--share is between 0 and 1, and --rows not negative")
    number = min(rows, len(frame)) or round(share * len(frame))
    drawn = frame.sample(n=number, random_state=seed).sort_index()
    return {"data": kept_table(drawn, store), "rows": len(drawn)}


if __name__ == "__main__":
    run(main)
