"""Makes numbers of columns that hold categories."""

import pandas as pd

from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import kept_table, need_columns, table


def main(data: str, columns: list[str], keep: list[str], fit: str, store: str) -> dict[str, object]:
    """The table with a column of 0 and 1 for each category that the table `fit` (or this one) has.

    A category that is not there has 0 in all of these.
    """
    frame = table(data)
    base = table(fit) if fit else frame
    names = columns or [name for name in base.select_dtypes(exclude="number") if name not in keep]
    need_columns(frame, names)
    need_columns(base, names)
    for name in names:
        categories = sorted(base[name].dropna().unique())
        place = frame.columns.get_loc(name)
        encoded = pd.DataFrame({f"{name}={category}": (frame[name] == category).astype(int) for category in categories})
        frame = pd.concat([frame.iloc[:, :place], encoded, frame.iloc[:, place + 1 :]], axis=1)
    return {"data": kept_table(frame, store), "columns": list(frame.columns)}


if __name__ == "__main__":
    run(main)
