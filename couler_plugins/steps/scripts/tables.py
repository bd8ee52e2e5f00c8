"""Tables as CSV files: every library reads them."""

import sys
from collections.abc import Sequence

import pandas as pd

from couler_plugins.steps.scripts.files import fetched, kept, scratch


def table(place: str) -> pd.DataFrame:
    """The table in the file at a URL or a path: CSV, or Parquet or JSON lines where its name says so."""
    file = fetched(place)
    if file.suffix == ".parquet":
        return pd.read_parquet(file)
    if file.suffix in (".jsonl", ".ndjson"):
        return pd.read_json(file, lines=True)
    return pd.read_csv(file)


def kept_table(frame: pd.DataFrame, store: str) -> str:
    """Puts a table into the store, and says where it is there."""
    file = scratch("table.csv")
    frame.to_csv(file, index=False)
    return kept(file, store)


def need_columns(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Ends the script where the table lacks one of these columns."""
    if missing := [name for name in columns if name not in frame.columns]:
        sys.exit(f"the table has no column {missing[0]!r}: it has {', '.join(map(str, frame.columns))}")


def numbers(frame: pd.DataFrame, columns: Sequence[str], keep: Sequence[str]) -> list[str]:
    """These columns, or all that hold numbers and are not to be kept; ends the script where one holds none."""
    need_columns(frame, columns)
    numeric = list(frame.select_dtypes(["number", "bool"]).columns)
    if other := [name for name in columns if name not in numeric]:
        sys.exit(f"the column {other[0]!r} holds no numbers: encode it first (one-hot-encode)")
    names = list(columns) or [name for name in numeric if name not in keep]
    if not names:
        sys.exit("the table has no columns of numbers")
    return names
