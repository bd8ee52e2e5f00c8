"""Steps that get data and make it ready."""

from __future__ import annotations

from couler_plugins.hookspecs.steps import StepInput, StepOutput
from couler_plugins.steps.declared import DATA, SEED, STORE, scripted

__all__ = ["DATA_STEPS"]

LOAD_CSV = scripted(
    "load-csv",
    "Reads a table from a URL or a path.",
    ("data", "load", "read", "csv", "dataset", "ingest"),
    (
        StepInput(name="url", description="Where the table is: CSV, Parquet or JSON lines, by URL or path."),
        StepInput(name="columns", description="The columns to keep; none for all.", type="list", default=()),
        STORE,
    ),
    (
        StepOutput(name="data", description="The table, a CSV file.", type="artifact"),
        StepOutput(name="rows", description="How many rows it has.", type="int"),
        StepOutput(name="columns", description="The names of its columns.", type="list"),
    ),
)

SPLIT_TRAIN_TEST = scripted(
    "split-train-test",
    "Splits a table by chance into one to train with and one to test with.",
    ("data", "split", "train", "test", "validation", "holdout"),
    (
        DATA,
        StepInput(name="test-share", description="The share of rows for the test.", type="float", default=0.2),
        StepInput(
            name="stratify", description="The column whose classes have their shares in both; empty: none.", default=""
        ),
        SEED,
        STORE,
    ),
    (
        StepOutput(name="train", description="The table to train with.", type="artifact"),
        StepOutput(name="test", description="The table to test with.", type="artifact"),
    ),
)

DATA_STEPS = (LOAD_CSV, SPLIT_TRAIN_TEST)
"""In the order of a workflow."""
