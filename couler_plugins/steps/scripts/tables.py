"""Tables as CSV files: every library reads them."""

import sys
from collections.abc import Sequence

import pandas as pd

from couler_plugins.steps.scripts.running import fetched, kept, scratch


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
