"""Reads a table, and keeps some or all of its columns."""

from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import kept_table, need_columns, table


def main(url: str, columns: list[str], store: str) -> dict[str, object]:
    """The table, and how many rows and which columns it has."""
    frame = table(url)
    if columns:
        need_columns(frame, columns)
        frame = frame[columns]
    return {"data": kept_table(frame, store), "rows": len(frame), "columns": list(frame.columns)}


if __name__ == "__main__":
    run(main)
