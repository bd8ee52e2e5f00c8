"""Keeps the columns that say most of the target."""

from typing import Literal

from sklearn.feature_selection import (
    SelectKBest,
    f_classif,
    f_regression,
    mutual_info_classif,
    mutual_info_regression,
)

from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import kept_table, need_columns, numbers, table

SCORES = {
    ("f-test", "classification"): f_classif,
    ("f-test", "regression"): f_regression,
    ("mutual-information", "classification"): mutual_info_classif,
    ("mutual-information", "regression"): mutual_info_regression,
}


def main(
    data: str,
    target: str,
    count: int,
    task: Literal["classification", "regression"],
    method: Literal["f-test", "mutual-information"],
    fit: str,
    store: str,
) -> dict[str, object]:
    """The table with the target and the best columns, as the table `fit` (or this one) says."""
    frame = table(data)
    base = table(fit) if fit else frame
    need_columns(base, [target])
    names = numbers(base, [], [target])
    selection = SelectKBest(SCORES[method, task], k=min(count, len(names))).fit(base[names], base[target])
    chosen = [name for name, wanted in zip(names, selection.get_support(), strict=True) if wanted]
    need_columns(frame, chosen)
    targets = [target] if target in frame else []
    return {"data": kept_table(frame[[*chosen, *targets]], store), "features": chosen}


if __name__ == "__main__":
    run(main)
