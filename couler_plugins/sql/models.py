"""Estimators, settings and metrics of SQLFlow's statements, as the steps of the catalogue call them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from couler_plugins.sql.statements import Attribute

XGBOOST = {
    "num_boost_round": "rounds",
    "num_round": "rounds",
    "n_estimators": "rounds",
    "rounds": "rounds",
    "max_depth": "max-depth",
    "eta": "learning-rate",
    "learning_rate": "learning-rate",
    "seed": "seed",
}
LIGHTGBM = {
    "num_boost_round": "rounds",
    "n_estimators": "rounds",
    "rounds": "rounds",
    "num_leaves": "leaves",
    "leaves": "leaves",
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
FROM_DATA = frozenset({"n_classes", "num_class", "num_classes"})
"""Settings that the step finds in the data."""
OBJECTIVES = {
    "binary:logistic": "classification",
    "multi:softmax": "classification",
    "multi:softprob": "classification",
    "reg:linear": "regression",
    "reg:squarederror": "regression",
}
"""What the objectives predict that `xgboost-train` has; `reg:linear` is what `reg:squarederror` was called before."""
OBJECTIVE = "objective"


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


_CLASSES, _NUMBERS = {"task": "classification"}, {"task": "regression"}


def _sklearn(kind: str, task: Mapping[str, str]) -> Estimator:
    return Estimator("sklearn-train", {"estimator": kind, **task}, {"seed": "seed"})


ESTIMATORS: Mapping[str, Estimator] = {
    "DNNClassifier": Estimator("mlp-train", _CLASSES, NETWORK),
    "DNNRegressor": Estimator("mlp-train", _NUMBERS, NETWORK),
    "LinearClassifier": _sklearn("linear", _CLASSES),
    "LinearRegressor": _sklearn("linear", _NUMBERS),
    "BoostedTreesClassifier": _sklearn("gradient-boosting", _CLASSES),
    "BoostedTreesRegressor": _sklearn("gradient-boosting", _NUMBERS),
    "LogisticRegression": _sklearn("linear", _CLASSES),
    "Ridge": _sklearn("linear", _NUMBERS),
    "DecisionTreeClassifier": _sklearn("tree", _CLASSES),
    "DecisionTreeRegressor": _sklearn("tree", _NUMBERS),
    "RandomForestClassifier": _sklearn("random-forest", _CLASSES),
    "RandomForestRegressor": _sklearn("random-forest", _NUMBERS),
    "HistGradientBoostingClassifier": _sklearn("gradient-boosting", _CLASSES),
    "HistGradientBoostingRegressor": _sklearn("gradient-boosting", _NUMBERS),
    "KNeighborsClassifier": _sklearn("nearest-neighbors", _CLASSES),
    "KNeighborsRegressor": _sklearn("nearest-neighbors", _NUMBERS),
    "SVC": _sklearn("support-vector", _CLASSES),
    "SVR": _sklearn("support-vector", _NUMBERS),
    "xgboost.gbtree": Estimator("xgboost-train", {}, XGBOOST),
    "xgboost.Estimator": Estimator("xgboost-train", {}, XGBOOST),
    "XGBoostModel": Estimator("xgboost-train", {}, XGBOOST),
    "xgboost.XGBClassifier": Estimator("xgboost-train", _CLASSES, XGBOOST),
    "xgboost.XGBRegressor": Estimator("xgboost-train", _NUMBERS, XGBOOST),
    "lightgbm.LGBMClassifier": Estimator("lightgbm-train", _CLASSES, LIGHTGBM),
    "lightgbm.LGBMRegressor": Estimator("lightgbm-train", _NUMBERS, LIGHTGBM),
}
"""By the name in a statement; capitals do not matter."""

BY_NAME = {name.lower(): estimator for name, estimator in ESTIMATORS.items()}
METRICS = {
    "accuracy": "accuracy",
    "accuracy_score": "accuracy",
    "categoricalaccuracy": "accuracy",
    "balanced_accuracy_score": "balanced-accuracy",
    "balanced-accuracy": "balanced-accuracy",
    "f1": "f1",
    "f1_score": "f1",
    "precision": "precision",
    "precision_score": "precision",
    "recall": "recall",
    "recall_score": "recall",
    "mae": "mae",
    "meanabsoluteerror": "mae",
    "mean_absolute_error": "mae",
    "r2": "r2",
    "r2_score": "r2",
    "rmse": "rmse",
    "rootmeansquarederror": "rmse",
    "root_mean_squared_error": "rmse",
}
"""Metrics of `evaluate-model`, by their names in statements in small letters."""
METRIC_OF_TASK = {"classification": "accuracy", "regression": "rmse"}

EXPLAINERS = {"": "auto", "treeexplainer": "contributions", "permutationexplainer": "permutation"}
"""Methods of `explain-model`, by what is behind USING in small letters."""
DRAWING = frozenset({"plot_type", "alpha", "sort", "color", "title", "show", "plot_size"})
"""Settings of `TO EXPLAIN` that only draw."""


def bare_name(attribute: Attribute, *groups: str) -> str:
    """Return the name of a setting without what groups it: `model.hidden_units` is `hidden_units`."""
    group, dot, name = attribute.name.partition(".")
    return name if dot and group in groups else attribute.name
