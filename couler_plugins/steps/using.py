"""Steps that judge a model, and use it."""

from couler_plugins.hookspecs.steps import StepInput
from couler_plugins.steps.declared import (
    BETTER,
    DATA,
    FILES,
    MODEL,
    MODELS,
    ROWS,
    SEED,
    STORE,
    TARGET,
    WHOLE_IMAGE,
    artifact,
    number,
    result,
    scripted,
)

LOADING = (*MODELS, "lightgbm~=4.7.0", "xgboost-cpu~=3.2.0")
"""What scripts need that read any of our models."""

EVALUATE_MODEL = scripted(
    "evaluate-model",
    "Measures how good a model is on data that it has not seen.",
    "evaluate metrics accuracy score test model",
    (
        MODEL,
        DATA,
        TARGET,
        StepInput(
            name="metric",
            description="What to measure; mae, r2 and rmse are for numbers, the others for classes.",
            default="accuracy",
            choices=("accuracy", "balanced-accuracy", "f1", "precision", "recall", "mae", "r2", "rmse"),
        ),
    ),
    (
        result("score", "The metric that was asked for.", "float"),
        result("metrics", "All metrics of such a model, a JSON object.", "text"),
    ),
    LOADING,
    WHOLE_IMAGE,
)

COMPARE_MODELS = scripted(
    "compare-models",
    "Selects the best of several models by their scores.",
    "evaluate compare select best models",
    (
        StepInput(name="models", description="The models.", type="list"),
        StepInput(name="scores", description="Their scores, in the same order.", type="list"),
        BETTER,
    ),
    (
        artifact("model", "The best model."),
        result("score", "Its score.", "float"),
        result("number", "Its number in the list, counted from 0.", "int"),
    ),
    (),
)

THRESHOLD_GATE = scripted(
    "threshold-gate",
    "Says whether a value is good enough, and may fail where it is not.",
    "evaluate gate threshold check condition",
    (
        number("value", "The value, such as a score."),
        number("threshold", "What it has to reach."),
        BETTER,
        StepInput(name="fail", description="Whether the step fails where it is not.", type="bool", default=False),
    ),
    (result("passed", "Whether it is good enough: true or false.", "bool"),),
    (),
)

BATCH_PREDICT = scripted(
    "batch-predict",
    "Has a model predict for all rows of a table.",
    "predict batch inference score model",
    (
        MODEL,
        DATA,
        StepInput(name="column", description="What to call the column of predictions.", default="prediction"),
        STORE,
    ),
    (artifact("predictions", "The table with a column of predictions."), ROWS),
    LOADING,
    WHOLE_IMAGE,
)

REGISTER_MODEL = scripted(
    "register-model",
    "Publishes a model under a name and a version, with a card that says what it is.",
    "publish register model registry deploy version",
    (
        MODEL,
        StepInput(name="name", description="The name of the model."),
        StepInput(name="version", description="The version; empty: the start of the file's hash.", default=""),
        StepInput(name="metrics", description="What was measured, a JSON object.", default="{}"),
        StepInput(
            name="registry", description="Where models are published: a URL that fsspec can write to, or a path."
        ),
    ),
    (artifact("place", "Where the model is published."), result("version", "Its version.", "text")),
    FILES,
)

LOAD_MODEL = scripted(
    "load-model",
    "Gets a model that was published under a name.",
    "predict load model registry version",
    (
        StepInput(name="name", description="The name of the model."),
        StepInput(name="version", description="The version; empty: the one that was published last.", default=""),
        StepInput(
            name="registry", description="Where models are published: a URL that fsspec can read from, or a path."
        ),
    ),
    (
        artifact("model", "The model."),
        result("version", "Its version.", "text"),
        result("metrics", "What was measured, a JSON object.", "text"),
    ),
    FILES,
)

EXPLAIN_MODEL = scripted(
    "explain-model",
    "Says how much each column counts for what a model predicts.",
    "evaluate explain importance shap features model",
    (
        MODEL,
        DATA,
        StepInput(
            name="method",
            description="Exact SHAP values (boosted trees only), shuffled columns, or what the model has of these.",
            default="auto",
            choices=("auto", "contributions", "permutation"),
        ),
        number("most", "How many columns to tell of, the first count most; 0: all.", 0),
        SEED,
        STORE,
    ),
    (
        artifact("importances", "A table with a row for each column: its name, and what it counts."),
        result("features", "The names of the columns in that order.", "list"),
    ),
    LOADING,
    WHOLE_IMAGE,
)

USING = (
    EVALUATE_MODEL,
    EXPLAIN_MODEL,
    COMPARE_MODELS,
    THRESHOLD_GATE,
    BATCH_PREDICT,
    REGISTER_MODEL,
    LOAD_MODEL,
)
"""In the order of a workflow."""
