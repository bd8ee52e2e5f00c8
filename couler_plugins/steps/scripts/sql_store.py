"""Writes a table into a database, in place of the one that is there."""

import pandas as pd

from couler_plugins.steps.scripts.database import engine_of
from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import table


def main(data: str, values: dict[str, object], name: str, schema: str, url: str) -> dict[str, object]:
    """How many rows it has."""
    frame = table(data) if data else pd.DataFrame([{key.replace("-", "_"): value for key, value in values.items()}])
    with engine_of(url).begin() as connection:
        frame.to_sql(name, connection, schema=schema or None, index=False, if_exists="replace")
    return {"rows": len(frame)}


if __name__ == "__main__":
    run(main)
