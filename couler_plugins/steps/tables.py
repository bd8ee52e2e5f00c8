"""Steps that make a table ready to learn from, and features of it."""

from couler_plugins.hookspecs.steps import StepInput
from couler_plugins.steps.declared import (
    DATA,
    KEEP,
    MODELS,
    ROWS,
    SEED,
    STORE,
    TABLE,
    TABLES,
    TARGET,
    TASK,
    artifact,
    fit,
    number,
    result,
    scripted,
)

VALIDATE_SCHEMA = scripted(
    "validate-schema",
    "Holds a table against rules for its columns, and fails where it breaks one.",
    "data validate schema quality check types",
    (
        DATA,
        StepInput(
            name="schema",
            description='Rules by column, a JSON object: {"age": {"type": "int", "min": 0}}; there is type (int, float,'
            " bool, text), min, max, choices, missing (whether values may be), unique.",
        ),
        StepInput(name="strict", description="Whether other columns are an error.", type="bool", default=False),
    ),
    (TABLE, ROWS),
    TABLES,
)

CLEAN_MISSING = scripted(
    "clean-missing",
    "Drops rows that lack values, or fills values in.",
    "data clean missing impute null nan",
    (
        DATA,
        StepInput(
            name="strategy",
            description="What becomes of gaps; mean and median concern numbers only.",
            default="drop",
            choices=("drop", "mean", "median", "most-frequent", "constant"),
        ),
        StepInput(name="columns", description="The columns concerned; none for all.", type="list", default=()),
        StepInput(name="value", description="What `constant` fills in.", default=""),
        fit("what is filled in is"),
        STORE,
    ),
    (TABLE, ROWS),
    TABLES,
)

ONE_HOT_ENCODE = scripted(
    "one-hot-encode",
    "Makes columns of 0 and 1 of columns that hold categories.",
    "data encode one-hot categorical dummies",
    (
        DATA,
        StepInput(
            name="columns", description="The columns concerned; none for all without numbers.", type="list", default=()
        ),
        KEEP,
        fit("the categories are"),
        STORE,
    ),
    (TABLE, result("columns", "The names of all columns.", "list")),
    TABLES,
)

SAMPLE_ROWS = scripted(
    "sample-rows",
    "Draws rows of a table by chance.",
    "data sample subset random",
    (
        DATA,
        number("rows", "How many rows; 0: the share says.", 0),
        number("share", "The share of rows, 0 to 1.", 0.1),
        SEED,
        STORE,
    ),
    (TABLE, ROWS),
    TABLES,
)

JOIN_TABLES = scripted(
    "join-tables",
    "Joins two tables by columns that both have.",
    "data join merge combine tables",
    (
        StepInput(name="left", description="One table.", type="artifact"),
        StepInput(name="right", description="The other table.", type="artifact"),
        StepInput(name="keys", description="The columns that have to be equal.", type="list"),
        StepInput(
            name="how",
            description="Which rows without a match stay.",
            default="inner",
            choices=("inner", "left", "right", "outer"),
        ),
        STORE,
    ),
    (TABLE, ROWS),
    TABLES,
)

SPLIT_TRAIN_TEST = scripted(
    "split-train-test",
    "Splits a table by chance into one to train with and one to test with.",
    "data split train test validation holdout",
    (
        DATA,
        number("test-share", "The share of rows for the test.", 0.2),
        StepInput(
            name="stratify", description="The column whose classes have their shares in both; empty: none.", default=""
        ),
        SEED,
        STORE,
    ),
    (artifact("train", "The table to train with."), artifact("test", "The table to test with.")),
    TABLES,
)

PREPARATION = (VALIDATE_SCHEMA, CLEAN_MISSING, ONE_HOT_ENCODE, SAMPLE_ROWS, JOIN_TABLES, SPLIT_TRAIN_TEST)
"""In the order of a workflow."""


SCALE_FEATURES = scripted(
    "scale-features",
    "Brings columns of numbers to one scale.",
    "features scale normalize standardize",
    (
        DATA,
        StepInput(
            name="method",
            description="To mean 0 and deviation 1, to 0 … 1, or by the median and quartiles.",
            default="standard",
            choices=("standard", "min-max", "robust"),
        ),
        StepInput(name="columns", description="The columns concerned; none for all numbers.", type="list", default=()),
        KEEP,
        fit("the scale is"),
        STORE,
    ),
    (TABLE,),
    TABLES,
)

SELECT_FEATURES = scripted(
    "select-features",
    "Keeps the columns that say most of the target.",
    "features select importance filter",
    (
        DATA,
        TARGET,
        number("count", "How many columns to keep, beside the target.", 10),
        TASK,
        StepInput(
            name="method",
            description="What says how much a column tells.",
            default="f-test",
            choices=("f-test", "mutual-information"),
        ),
        fit("the choice is"),
        STORE,
    ),
    (TABLE, result("features", "The columns that were kept.", "list")),
    MODELS,
)

REDUCE_DIMENSIONS = scripted(
    "reduce-dimensions",
    "Puts few columns in place of many, by principal component analysis.",
    "features pca dimensions components reduce",
    (DATA, number("components", "How many columns to put there.", 2), KEEP, fit("the components are"), STORE),
    (TABLE, result("explained", "The share of the variance that is still there.", "float")),
    MODELS,
)

FEATURE_STEPS = (SCALE_FEATURES, SELECT_FEATURES, REDUCE_DIMENSIONS)
"""In the order of a workflow."""
