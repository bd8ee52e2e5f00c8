"""Drops rows that lack values, or fills values in."""

import sys
from typing import Literal

from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import kept_table, need_columns, table


def main(
    data: str,
    strategy: Literal["drop", "mean", "median", "most-frequent", "constant"],
    columns: list[str],
    value: str,
    fit: str,
    store: str,
) -> dict[str, object]:
    """The table without gaps in these columns; what is filled in is taken from the table `fit`, where there is one."""
    frame = table(data)
    base = table(fit) if fit else frame
    names = columns or list(frame.columns)
    need_columns(frame, names)
    need_columns(base, names)
    if strategy == "drop":
        frame = frame.dropna(subset=names)
    else:
        if strategy in ("mean", "median"):
            names = [name for name in names if name in base.select_dtypes("number").columns]
        for name in names:
            present = base[name].dropna()
            if strategy != "constant" and present.empty:
                sys.exit(f"the column {name!r} has no values to take the {strategy} of")
            if strategy == "constant":
                filling = type(present.iloc[0])(value) if len(present) else value
            else:
                filling = present.mode().iloc[0] if strategy == "most-frequent" else getattr(present, strategy)()
            frame[name] = frame[name].fillna(filling)
    return {"data": kept_table(frame, store), "rows": len(frame)}


if __name__ == "__main__":
    run(main)
