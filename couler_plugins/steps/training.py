"""Steps that train a model in a container of their own."""

from couler_plugins.hookspecs.steps import StepInput
from couler_plugins.steps.declared import (
    DATA,
    FEATURES,
    MODELS,
    SEED,
    STORE,
    TARGET,
    TASK,
    WHOLE_IMAGE,
    artifact,
    number,
    scripted,
)

GIVES = (artifact("model", "The model, a file of skops."),)

SKLEARN_TRAIN = scripted(
    "sklearn-train",
    "Trains a model of scikit-learn.",
    "train sklearn model classifier regression random-forest logistic svm",
    (
        DATA,
        TARGET,
        FEATURES,
        StepInput(
            name="estimator",
            description="The kind of model.",
            default="random-forest",
            choices=("linear", "tree", "random-forest", "gradient-boosting", "nearest-neighbors", "support-vector"),
        ),
        TASK,
        StepInput(
            name="settings",
            description="The estimator's own settings as scikit-learn has them, a JSON object.",
            default="{}",
        ),
        SEED,
        STORE,
    ),
    GIVES,
    MODELS,
)

XGBOOST_TRAIN = scripted(
    "xgboost-train",
    "Trains boosted trees with XGBoost.",
    "train xgboost model boosting trees",
    (
        DATA,
        TARGET,
        FEATURES,
        TASK,
        number("rounds", "How many trees.", 100),
        number("max-depth", "How deep a tree may be.", 6),
        number("learning-rate", "How much each tree counts.", 0.3),
        SEED,
        STORE,
    ),
    GIVES,
    (*MODELS, "xgboost-cpu~=3.2.0"),
)

LIGHTGBM_TRAIN = scripted(
    "lightgbm-train",
    "Trains boosted trees with LightGBM.",
    "train lightgbm model boosting trees",
    (
        DATA,
        TARGET,
        FEATURES,
        TASK,
        number("rounds", "How many trees.", 100),
        number("leaves", "How many leaves a tree may have.", 31),
        number("learning-rate", "How much each tree counts.", 0.1),
        SEED,
        STORE,
    ),
    GIVES,
    (*MODELS, "lightgbm~=4.7.0"),
    WHOLE_IMAGE,
)

MLP_TRAIN = scripted(
    "mlp-train",
    "Trains a small neural network (a multilayer perceptron).",
    "train mlp neural-network deep-learning model",
    (
        DATA,
        TARGET,
        FEATURES,
        TASK,
        StepInput(name="layers", description="The sizes of its hidden layers.", type="list", default=("64", "32")),
        number("learning-rate", "How far each step of the optimizer goes.", 0.001),
        number("batch-size", "How many rows each step sees.", 32),
        number("epochs", "How often it sees each row.", 50),
        SEED,
        STORE,
    ),
    GIVES,
    MODELS,
)

TRAINING = (SKLEARN_TRAIN, XGBOOST_TRAIN, LIGHTGBM_TRAIN, MLP_TRAIN)
"""From the most common to the least."""
