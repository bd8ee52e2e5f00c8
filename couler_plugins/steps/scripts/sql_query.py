"""Asks a database."""

import pandas as pd
import sqlalchemy

from couler_plugins.steps.scripts.database import engine_of
from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import kept_table


def main(query: str, values: dict[str, object], url: str, store: str) -> dict[str, object]:
    """The table that the query gives; `:name` in it is the value of that name, never a piece of its text."""
    with engine_of(url).connect() as connection:
        result = connection.execute(sqlalchemy.text(query), values)
        frame = pd.DataFrame(result.fetchall(), columns=list(result.keys()))
    return {"data": kept_table(frame, store), "rows": len(frame)}


if __name__ == "__main__":
    run(main)
