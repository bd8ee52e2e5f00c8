"""Runs a statement in a database."""

from couler_plugins.steps.scripts.database import engine_of
from couler_plugins.steps.scripts.running import run


def main(statement: str, url: str) -> dict[str, object]:
    """How many rows it changed; 0 where the database does not say."""
    with engine_of(url).begin() as connection:
        plain = connection.execution_options(no_parameters=True)  # else some drivers read % as theirs
        result = plain.exec_driver_sql(statement)
        return {"rows": max(result.rowcount, 0)}


if __name__ == "__main__":
    run(main)
