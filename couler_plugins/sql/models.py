"""Estimators of SQLFlow's statements, and what their settings are called in the steps that train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from couler_plugins.sql.statements import Attribute, Content

XGBOOST = {
    "num_boost_round": "rounds",
    "num_round": "rounds",
    "n_estimators": "rounds",
    "max_depth": "max-depth",
    "eta": "learning-rate",
    "learning_rate": "learning-rate",
    "seed": "seed",
}
LIGHTGBM = {
    "num_boost_round": "rounds",
    "n_estimators": "rounds",
    "num_leaves": "leaves",
    "learning_rate": "learning-rate",
    "seed": "seed",
}
NETWORK = {
    "hidden_units": "layers",
    "hidden_layers": "layers",
    "layers": "layers",
    "learning_rate": "learning-rate",
    "lr": "learning-rate",
    "batch_size": "batch-size",
    "epoch": "epochs",
    "epochs": "epochs",
    "seed": "seed",
}
FROM_DATA = frozenset({"n_classes", "num_class"})
"""Settings that the step finds in the data."""


class Estimator(NamedTuple):
    """What an estimator is here.

    Attributes:
        step: the step of the catalogue that trains it.
        inputs: what the step is given for it.
        settings: names of the step's inputs, by the names of settings.
    """

    step: str
    inputs: Mapping[str, str] = {}
    settings: Mapping[str, str] = {}


def _sklearn(kind: str, task: str) -> Estimator:
    return Estimator("sklearn-train", {"estimator": kind, "task": task}, {"seed": "seed"})


_CLASSES, _NUMBERS = {"task": "classification"}, {"task": "regression"}
ESTIMATORS: Mapping[str, Estimator] = {
    "DNNClassifier": Estimator("mlp-train", _CLASSES, NETWORK),
    "DNNRegressor": Estimator("mlp-train", _NUMBERS, NETWORK),
    "LinearClassifier": _sklearn("linear", "classification"),
    "LinearRegressor": _sklearn("linear", "regression"),
    "LogisticRegression": _sklearn("linear", "classification"),
    "LinearRegression": _sklearn("linear", "regression"),
    "RandomForestClassifier": _sklearn("random-forest", "classification"),
    "RandomForestRegressor": _sklearn("random-forest", "regression"),
    "BoostedTreesClassifier": _sklearn("gradient-boosting", "classification"),
    "BoostedTreesRegressor": _sklearn("gradient-boosting", "regression"),
    "xgboost.gbtree": Estimator("xgboost-train", {}, XGBOOST),
    "xgboost.Estimator": Estimator("xgboost-train", {}, XGBOOST),
    "xgboost.XGBClassifier": Estimator("xgboost-train", _CLASSES, XGBOOST),
    "xgboost.XGBRegressor": Estimator("xgboost-train", _NUMBERS, XGBOOST),
    "XGBoostModel": Estimator("xgboost-train", {}, XGBOOST),
    "lightgbm.LGBMClassifier": Estimator("lightgbm-train", _CLASSES, LIGHTGBM),
    "lightgbm.LGBMRegressor": Estimator("lightgbm-train", _NUMBERS, LIGHTGBM),
}
"""By the name in a statement; capitals do not matter."""

BY_NAME = {name.lower(): estimator for name, estimator in ESTIMATORS.items()}
METRICS = {
    "accuracy": "accuracy",
    "accuracy_score": "accuracy",
    "f1_score": "f1",
    "precision_score": "precision",
    "recall_score": "recall",
    "meanabsoluteerror": "mae",
    "mean_absolute_error": "mae",
    "r2_score": "r2",
    "rmse": "rmse",
}
"""Metrics of `TO EVALUATE`, by their names there in small letters."""


def task_of(objective: str) -> str:
    """Return whether an objective of XGBoost is about classes or numbers; empty where nobody knows."""
    kind = objective.partition(":")[0]
    return {"binary": "classification", "multi": "classification", "reg": "regression"}.get(kind, "")


def bare_name(attribute: Attribute) -> str:
    """Return the name of a setting without what groups it: `model.hidden_units` is `hidden_units`."""
    group, dot, name = attribute.name.partition(".")
    return name if dot and group in ("model", "train") else attribute.name


def input_value(value: Content) -> Content:
    """Return a value as steps take it: lists are lists of texts."""
    return tuple(f"{item}" for item in value) if isinstance(value, tuple) else value
