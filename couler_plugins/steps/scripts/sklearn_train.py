"""Trains a model of scikit-learn."""

import sys
from typing import Literal

from sklearn import ensemble, linear_model, neighbors, svm, tree

from couler_plugins.steps.scripts.models import kept_model, trained
from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import table

ESTIMATORS = {
    ("linear", "classification"): linear_model.LogisticRegression,
    ("linear", "regression"): linear_model.Ridge,
    ("tree", "classification"): tree.DecisionTreeClassifier,
    ("tree", "regression"): tree.DecisionTreeRegressor,
    ("random-forest", "classification"): ensemble.RandomForestClassifier,
    ("random-forest", "regression"): ensemble.RandomForestRegressor,
    ("gradient-boosting", "classification"): ensemble.HistGradientBoostingClassifier,
    ("gradient-boosting", "regression"): ensemble.HistGradientBoostingRegressor,
    ("nearest-neighbors", "classification"): neighbors.KNeighborsClassifier,
    ("nearest-neighbors", "regression"): neighbors.KNeighborsRegressor,
    ("support-vector", "classification"): svm.SVC,
    ("support-vector", "regression"): svm.SVR,
}


def main(
    data: str,
    target: str,
    features: list[str],
    estimator: Literal["linear", "tree", "random-forest", "gradient-boosting", "nearest-neighbors", "support-vector"],
    task: Literal["classification", "regression"],
    settings: dict[str, object],
    seed: int,
    store: str,
) -> dict[str, object]:
    """The model."""
    model = ESTIMATORS[estimator, task]()
    parameters = model.get_params()
    if unknown := [name for name in settings if name not in parameters]:
        sys.exit(f"a {type(model).__name__} has no setting {unknown[0]!r}: it has {', '.join(sorted(parameters))}")
    model.set_params(**({"random_state": seed} if "random_state" in parameters else {}) | settings)
    return {"model": kept_model(trained(model, table(data), target, features, task), store)}


if __name__ == "__main__":
    run(main)
