"""Steps that make features."""

from __future__ import annotations

from couler_plugins.hookspecs.steps import StepInput
from couler_plugins.steps.declared import (
    DATA,
    KEEP,
    MODELS,
    STORE,
    TABLE,
    TABLES,
    TARGET,
    TASK,
    fit,
    number,
    result,
    scripted,
)

__all__ = ["FEATURE_STEPS"]

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
