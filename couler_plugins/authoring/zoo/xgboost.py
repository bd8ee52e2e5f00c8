"""Boosted trees with XGBoost: `xgboost.train(datasource=Dataset(…), train_params={"num_boost_round": 50})`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from couler_plugins.authoring.values import Returned
from couler_plugins.authoring.zoo.datasets import Dataset, run_boosting

SETTINGS = {
    "num_boost_round": "rounds",
    "max_depth": "max_depth",
    "eta": "learning_rate",
    "learning_rate": "learning_rate",
    "seed": "seed",
}
"""The inputs of the step by the names that XGBoost has for them."""


def train(
    datasource: Dataset,
    model_params: Mapping[str, Any] | None = None,
    train_params: Mapping[str, Any] | None = None,
    image: str | None = None,
    step_name: str | None = None,
    timeout: int | None = None,
    retry: int | None = None,
) -> Returned:
    """A model of a declared data set: `xgboost-train` of the catalogue.

    Args:
        datasource: what it learns from.
        model_params, train_params: settings, by XGBoost's names, such as `{"objective": "binary:logistic"}`.
        image: one that has all that the step needs; without one, pip installs it when the container starts.
        step_name, timeout, retry: as for every step.

    Returns:
        `model`, the place of the model.

    Raises:
        InvalidInput: there is no such setting, or it is none of its type.
    """
    return run_boosting(
        "xgboost-train", datasource, SETTINGS, model_params, train_params, image, step_name, timeout, retry
    )
