"""Splits a table by chance into one to train with and one to test with."""

import sys

import pandas as pd

from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import kept_table, need_columns, table


def main(data: str, test_share: float, stratify: str, seed: int, store: str) -> dict[str, object]:
    """The two tables; each class of the column `stratify`, where one is named, has its share in both."""
    if not 0 < test_share < 1:
        sys.exit(f"--test-share is {test_share}, not between 0 and 1")
    frame = table(data)
    if stratify:
        need_columns(frame, [stratify])
    groups = [group for _, group in frame.groupby(stratify)] if stratify else [frame]
    test = pd.concat([group.sample(frac=test_share, random_state=seed) for group in groups]).sort_index()
    train = frame.drop(test.index)
    if train.empty or test.empty:
        sys.exit(f"{len(frame)} rows are too few to split")
    return {"train": kept_table(train, store), "test": kept_table(test, store)}


if __name__ == "__main__":
    run(main)
