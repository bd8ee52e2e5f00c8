"""Joins two tables by columns that both have."""

from typing import Literal

from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import kept_table, need_columns, table


def main(
    left: str, right: str, keys: list[str], how: Literal["inner", "left", "right", "outer"], store: str
) -> dict[str, object]:
    """The joined table; columns that both have beside the keys end in _left and _right."""
    first, second = table(left), table(right)
    need_columns(first, keys)
    need_columns(second, keys)
    joined = first.merge(second, on=keys, how=how, suffixes=("_left", "_right"))
    return {"data": kept_table(joined, store), "rows": len(joined)}


if __name__ == "__main__":
    run(main)
