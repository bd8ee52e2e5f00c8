"""Has a model predict for all rows of a table."""

from couler_plugins.steps.scripts.models import loaded
from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import kept_table, table


def main(model: str, data: str, column: str, store: str) -> dict[str, object]:
    """The table with a column of predictions."""
    frame = table(data)
    frame[column] = loaded(model).predictions(frame)
    return {"predictions": kept_table(frame, store), "rows": len(frame)}


if __name__ == "__main__":
    run(main)
